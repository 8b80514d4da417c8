import type { DescField, DescMessage, Message } from '@bufbuild/protobuf'

/** A field whose JSON value cannot be kept, and why. */
export type JsonProblem = { readonly field: string; readonly description: string }

/**
 * Levels of objects and lists within one value. Decoders stop at 100 messages within messages, and each level here is up
 * to three of them: what passed at our door alone would no longer pass inside an event, a batch or a list, where it
 * would make everything beside it unreadable too.
 */
const DEEPEST = 16

/**
 * What of a message's free-form values (google.protobuf.Struct and its like) cannot be kept: NaN and infinities, which
 * Value forbids and its binary decoder lets pass though JSON cannot say them; and what is nested too deep.
 *
 * Whatever comes from outside MUST be asked this before it is stored or announced. Only messages that hold such values
 * somewhere are looked through.
 */
export function jsonProblem(schema: DescMessage, message: Message): JsonProblem | undefined {
  if (!holdsJson(schema)) return undefined
  const values = message as unknown as Readonly<Record<string, unknown>> // by the names its descriptor gives
  for (const field of schema.fields) {
    const within = messageOf(field)
    if (!within || !holdsJson(within)) continue
    for (const value of eachOf(field, valueOf(field, values))) {
      const description = value === undefined ? undefined : problemOf(within, value)
      if (description !== undefined) return { field: field.name, description }
    }
  }
  return undefined
}

function problemOf(schema: DescMessage, value: unknown): string | undefined {
  return isJson(schema) ? unkeepable(value, DEEPEST) : jsonProblem(schema, value as Message)?.description // a field of that type
}

function unkeepable(value: unknown, levelsLeft: number): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number in it is not finite'
  if (typeof value !== 'object' || value === null) return undefined
  if (levelsLeft === 0) return `it is nested deeper than ${DEEPEST} levels`
  for (const within of Object.values(value)) {
    const problem = unkeepable(within, levelsLeft - 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

const JSON_TYPES: ReadonlySet<string> = new Set(
  ['Struct', 'Value', 'ListValue'].map((name) => `google.protobuf.${name}`),
)
const isJson = ({ typeName }: DescMessage): boolean => JSON_TYPES.has(typeName)

const known = new WeakMap<DescMessage, boolean>()

function holdsJson(schema: DescMessage): boolean {
  const before = known.get(schema)
  if (before !== undefined) return before
  known.set(schema, false) // for messages that hold themselves
  const holds =
    isJson(schema) || schema.fields.map(messageOf).some((within) => within !== undefined && holdsJson(within))
  known.set(schema, holds)
  return holds
}

function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'message' || field.fieldKind === 'list' || field.fieldKind === 'map'
    ? field.message
    : undefined
}

function valueOf({ oneof, localName }: DescField, values: Readonly<Record<string, unknown>>): unknown {
  if (!oneof) return values[localName]
  const chosen = values[oneof.localName] as { readonly case?: string; readonly value?: unknown } // as oneofs are
  return chosen.case === localName ? chosen.value : undefined
}

function eachOf({ fieldKind }: DescField, value: unknown): readonly unknown[] {
  if (fieldKind === 'list' || fieldKind === 'map') return Object.values(value ?? {})
  return [value]
}
