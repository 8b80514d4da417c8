import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { Resource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'

/**
 * A record as peers may see it: without its sensitive fields, which are named instead.
 *
 * `a.b` is field b within a, and within each element when a is a list. Names are compared byte by byte. What the owner
 * withheld already stays withheld.
 */
export function reveal(resource: Resource, sensitiveFields: readonly string[]): Resource {
  if (!resource.record || sensitiveFields.length === 0) return resource
  const withheld = new Set(resource.withheldFields)
  let { record } = resource
  for (const field of sensitiveFields) {
    const without = withoutField(record, field)
    if (without === record) continue
    record = without
    withheld.add(field)
  }
  return { ...resource, record, withheldFields: [...withheld] }
}

/** A record of which a peer may know that it is there, and nothing else. */
export function conceal(resource: Resource): Resource {
  const { record = {}, withheldFields } = resource
  return { ...resource, record: {}, withheldFields: [...new Set([...withheldFields, ...Object.keys(record)])] }
}

/** The first of these fields that a peer may not set, because it would set, or do away with, what it may not see. */
export function forbiddenChange(changes: JsonObject, sensitiveFields: readonly string[]): string | undefined {
  const within = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}.`)
  return Object.keys(changes).find((field) =>
    sensitiveFields.some((sensitive) => within(sensitive, field) || within(field, sensitive)),
  )
}

/**
 * The same object when there is no such field. A name that has a dot in it is one, too, so a path may be spelt in several
 * ways, and be there in more than one of them: none of these is shown.
 */
function withoutField(record: JsonObject, path: string): JsonObject {
  let left = Object.hasOwn(record, path) ? omit(record, path) : record
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const [field, inner] = [path.slice(0, dot), path.slice(dot + 1)]
    const value = Object.hasOwn(left, field) ? left[field] : undefined
    const without = value === undefined ? undefined : withoutWithin(value, inner)
    if (without !== value && without !== undefined) left = { ...left, [field]: without }
  }
  return left
}

function withoutWithin(value: JsonValue, path: string): JsonValue {
  if (Array.isArray(value)) {
    const without = value.map((element) => withoutWithin(element, path))
    return without.some((element, at) => element !== value[at]) ? without : value
  }
  return typeof value === 'object' && value !== null ? withoutField(value, path) : value
}

function omit({ ...record }: JsonObject, field: string): JsonObject {
  delete record[field]
  return record
}
