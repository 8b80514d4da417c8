import type { DescField, DescMessage, Message } from '@bufbuild/protobuf'

/**
 * The name of a field that holds a number JSON cannot say (NaN, an infinity); undefined when there is none.
 *
 * google.protobuf.Value forbids them, yet they pass the binary decoder; what holds one can be stored and can never be
 * written as JSON again, be it for the ledger or for whoever asks with curl. Only messages that hold such values
 * somewhere are looked through.
 */
export function nonFiniteIn(schema: DescMessage, message: Message): string | undefined {
  if (!holdsJson(schema)) return undefined
  const values = message as unknown as Readonly<Record<string, unknown>> // by the names its descriptor gives
  for (const field of schema.fields) {
    const within = messageOf(field)
    if (!within || !holdsJson(within)) continue
    const found = eachOf(field, valueOf(field, values)).some((value) =>
      isJson(within) ? hasNonFinite(value) : value !== undefined && nonFiniteIn(within, value as Message) !== undefined,
    )
    if (found) return field.name
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
  const chosen = values[oneof.localName] as { readonly case?: string; readonly value?: unknown }
  return chosen.case === localName ? chosen.value : undefined
}

function eachOf({ fieldKind }: DescField, value: unknown): readonly unknown[] {
  if (fieldKind === 'list' || fieldKind === 'map') return Object.values(value ?? {})
  return [value]
}

function hasNonFinite(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasNonFinite)
}
