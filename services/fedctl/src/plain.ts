import type { DescField, DescMessage, MessageShape } from '@bufbuild/protobuf'
import { ScalarType, toJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf'

/**
 * A message as the plain object that -o json and -o yaml show.
 *
 * Keys as in the proto (snake_case); states and kinds as lower-case words, `active` and not PEER_STATE_ACTIVE; bytes in
 * hex, as digests are read; 64-bit numbers as numbers. What is unset or unspecified is not there.
 */
export function plain<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonObject {
  const json = toJson(schema, message, { useProtoFieldName: true, alwaysEmitImplicit: true })
  return tidy(schema, json as JsonObject)
}

function tidy(schema: DescMessage, json: JsonObject): JsonObject {
  if (schema.typeName.startsWith('google.protobuf.')) return json
  const entries = schema.fields.flatMap((field): [string, JsonValue][] => {
    const value = json[field.name]
    if (value === undefined) return []
    const tidied = tidyField(field, value)
    return tidied === undefined ? [] : [[field.name, tidied]]
  })
  return Object.fromEntries(entries)
}

function tidyField(field: DescField, value: JsonValue): JsonValue | undefined {
  if (field.fieldKind === 'list' && Array.isArray(value)) return value.flatMap((item) => tidyOne(field, item) ?? [])
  if (field.fieldKind === 'map') return value
  return tidyOne(field, value)
}

function tidyOne(field: DescField, value: JsonValue): JsonValue | undefined {
  if (field.message) return isObject(value) ? tidy(field.message, value) : value
  if (typeof value !== 'string') return value
  if (field.enum) return word(field.enum.sharedPrefix ?? '', value)
  if (field.scalar === ScalarType.BYTES) return Buffer.from(value, 'base64').toString('hex')
  return field.scalar && WIDE.has(field.scalar) ? Number(value) : value
}

/** PEER_STATE_ACTIVE → active. */
function word(prefix: string, name: string): string | undefined {
  const short = name.toLowerCase().startsWith(prefix) ? name.slice(prefix.length) : name
  return short === 'UNSPECIFIED' ? undefined : short.toLowerCase()
}

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const WIDE: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
  ScalarType.SINT64,
])
