import type { JsonObject } from '@bufbuild/protobuf'
import type { ColumnType, Generated } from 'kysely'

export type CatalogueRow = { one: Generated<boolean>; address: string; epoch: Generated<number> }

export type ResourceKindRow = {
  kind: string
  extension: string
  dependencies: readonly string[]
  duplicable: boolean
  migratable: boolean
  sensitive_fields: readonly string[]
  data_class: string
  region: string | null
  writable: boolean
  declared: boolean
  service: string
  address: string
  lease_until: Date | null
}

export type ResourceChangeRow = { one: Generated<boolean>; last: number }

export type ResourceRecordRow = {
  kind: string
  id: string
  record: ColumnType<JsonObject, string, string>
  region: string | null
  data_class: string
  revision: number
  updated_at: Date
  removed_at: Date | null
  change: Generated<number>
}

export type CatalogueTables = {
  catalogue: CatalogueRow
  resource_kind: ResourceKindRow
  resource_change: ResourceChangeRow
  resource_record: ResourceRecordRow
}
