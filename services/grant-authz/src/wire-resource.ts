import { create, type JsonObject } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { ResourceSchema, type Resource as WireResource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { ServedKindSchema, type ServedKind } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { KindSchema, type Kind as WireKind } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import type { Kind, KnownKind } from './kind.ts'
import type { Resource } from './resource.ts'

/** A kind as operators are shown it. */
export function kindToWire({ server, region = '', ...kind }: KnownKind): WireKind {
  return create(KindSchema, {
    kind: kind.kind,
    extension: kind.extension,
    servedBy: server.service,
    dependencies: [...kind.dependencies],
    duplicable: kind.duplicable,
    migratable: kind.migratable,
    sensitiveFields: [...kind.sensitiveFields],
    dataClass: kind.dataClass,
    region,
    writable: kind.writable,
  })
}

/** A kind as gateways are told it, with where to ask for it. */
export function servedToWire({ server, region = '', ...kind }: KnownKind, ownAddress: string): ServedKind {
  return create(ServedKindSchema, {
    kind: kind.kind,
    service: server.service,
    address: server.address || ownAddress,
    sensitiveFields: [...kind.sensitiveFields],
    dataClass: kind.dataClass,
    region,
    writable: kind.writable,
  })
}

/** Where a record lives and what sort of data it is, when it does not say so itself. */
export type Defaults = { readonly kinds: ReadonlyMap<string, Kind>; readonly homeRegion: string | undefined }

/** A record, whole. */
export function resourceToWire(resource: Resource, { kinds, homeRegion = '' }: Defaults): WireResource {
  const kind = kinds.get(resource.kind)
  return create(ResourceSchema, {
    kind: resource.kind,
    id: resource.id,
    record: resource.record,
    dataClass: resource.dataClass || (kind?.dataClass ?? ''),
    region: resource.region ?? kind?.region ?? homeRegion,
    revision: BigInt(resource.revision),
    updatedAt: timestampFromDate(resource.updatedAt),
  })
}

/** What was said to write, as fields. */
export function recordFromWire(record: JsonObject | undefined): JsonObject {
  return record ?? {}
}
