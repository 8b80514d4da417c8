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

export type DecisionRow = {
  id: string
  peer_id: string
  direction: 'in' | 'out'
  at: Date
  allowed: boolean
  reason: string
  axis: string
  detail: string
  rpc: string
  resource_kind: string
  resource_id: string
  scope: string
  node_instance_id: string
  sdwan_network_id: string
  source_address: string
  grant_id: string
  data_class: string
  resource_region: string
  destination_region: string
  residency_mode: string
  residency_rule_id: string
  advised: boolean
  override_id: string
  request_id: string
  traceparent: string
  policy_epoch: number
  remote_decision_id: string | null
}

export type Tables = { log: LogRow; entry: EntryRow; event: EventRow; decision: DecisionRow }

export type LedgerTx = Tx<Tables>
