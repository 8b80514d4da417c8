import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

/** Of the thing an event is about, what tells it from others. */
const TELLING = [
  'name', 'status', 'hearing', 'step', 'spiffe_id', 'serial', 'resource_kind', 'scopes', 'data_residency', 'action', 'verb',
  'summary',
] // prettier-ignore
const NOT_TELLING = new Set(['move', 'previous_state', 'federation_peer_id'])

/** An event's payload in a few words: its reason first, then its own plain values, then what it is about. */
export function what(payload: JsonObject | undefined): string {
  if (!payload) return '-'
  const { reason, ...rest } = payload
  const own = Object.entries(rest).flatMap(([key, value]) => (NOT_TELLING.has(key) ? [] : plainValue(key, value)))
  const about = Object.values(rest).flatMap((value) => (isObject(value) && !reason ? telling(value) : []))
  const said = [typeof reason === 'string' ? reason : '', ...own, ...about].filter((text) => text !== '')
  return said.join(', ') || '-'
}

function plainValue(key: string, value: JsonValue): string[] {
  if (typeof value === 'string' || typeof value === 'number') return value === '' ? [] : [`${key} ${value}`]
  if (value === true) return [key]
  const texts = Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
  return texts.length > 0 ? [`${key} ${texts.join(' ')}`] : []
}

const telling = (value: JsonObject): string[] =>
  TELLING.flatMap((key) => {
    const said = value[key]
    if (Array.isArray(said)) return [said.filter((item) => typeof item === 'string').join(' ')]
    return typeof said === 'string' ? [said] : []
  })

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
