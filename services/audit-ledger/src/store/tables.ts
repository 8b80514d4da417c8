import type { JsonObject } from '@bufbuild/protobuf'
import type { Tx } from '@powernode/postgres'
import type { Generated, JSONColumnType } from 'kysely'
import type { Severity } from '../happening.ts'

export type LogRow = { name: string; opened_at: Date }

export type EntryRow = {
  log: string
  sequence: number
  action: string
  at: Date
  actor: string
  payload: JSONColumnType<JsonObject, string, never>
  event_id: string
  correlation_id: string
  canonical: Uint8Array
  previous_hash: Uint8Array
  hash: Uint8Array
}

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

export type Tables = { log: LogRow; entry: EntryRow; event: EventRow }

export type LedgerTx = Tx<Tables>
