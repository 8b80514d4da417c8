import type { JsonObject } from '@bufbuild/protobuf'
import type { Generated, JSONColumnType } from 'kysely'
import type { Severity } from '../happening.ts'

export type EventRow = {
  position: Generated<number>
  id: string
  kind: string
  severity: Severity
  source: string
  peer_id: string
  actor: string
  at: Date
  correlation_id: string
  payload: JSONColumnType<JsonObject, string, never>
}

export type EventTables = { event: EventRow }
