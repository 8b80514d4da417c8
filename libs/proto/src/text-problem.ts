import { ScalarType, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf'
import type { JsonProblem } from './json-problem.ts'

const PROBLEM = 'it has a character NUL in it, which no text has'

/**
 * The field of a message, at any depth, whose text has a NUL in it. protobuf lets it pass and PostgreSQL holds no such text:
 * what is written in one batch with it could not be written either.
 */
export function textProblem(schema: DescMessage, message: Message): JsonProblem | undefined {
  const values = message as unknown as Readonly<Record<string, unknown>> // by the names its descriptor gives
  for (const field of fieldsWithText(schema)) {
    const value = field.oneof ? chosenOf(field, values) : values[field.localName]
    if (value !== undefined && isBad(field, value)) return { field: field.name, description: PROBLEM }
  }
  return undefined
}

function chosenOf({ oneof, localName }: DescField, values: Readonly<Record<string, unknown>>): unknown {
  const chosen = values[oneof?.localName ?? ''] as { readonly case?: string; readonly value?: unknown } // as oneofs are
  return chosen.case === localName ? chosen.value : undefined
}

function isBad(field: DescField, value: unknown): boolean {
  const { message } = field
  const isBadOne = (one: unknown): boolean =>
    message ? isBadMessage(message, one) : typeof one === 'string' && one.includes('\0')
  if (field.fieldKind === 'list') return (value as readonly unknown[]).some(isBadOne)
  if (field.fieldKind !== 'map') return isBadOne(value)
  return Object.entries(value as object).some(([key, one]) => key.includes('\0') || isBadOne(one))
}

/** A free-form value (google.protobuf.Struct and its like) is plain JSON where it is a field, and a message otherwise. */
function isBadMessage(schema: DescMessage, value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0')
  if (typeof value !== 'object' || value === null) return false
  if ('$typeName' in value) return textProblem(schema, value as Message) !== undefined
  return Object.entries(value).some(([key, one]) => key.includes('\0') || isBadMessage(schema, one))
}

const known = new WeakMap<DescMessage, readonly DescField[]>()

function fieldsWithText(schema: DescMessage): readonly DescField[] {
  const before = known.get(schema)
  if (before) return before
  known.set(schema, schema.fields) // for messages that hold themselves
  const fields = schema.fields.filter(
    (field) =>
      field.fieldKind === 'map' ||
      field.scalar === ScalarType.STRING ||
      (field.message !== undefined && fieldsWithText(field.message).length > 0),
  )
  known.set(schema, fields)
  return fields
}
