import type { AlarmKind, Whose } from '../alarm.ts'

export type EndorsementRow = {
  sequence: number
  log_public_key: Uint8Array
  witness_public_key: Uint8Array
  statement: Uint8Array
  at: Date
}

export type PeerKeysRow = {
  peer_id: string
  sequence: number
  trust_domain: string
  origin: string
  origin_sha256: Uint8Array
  log_public_key: Uint8Array
  witness_public_key: Uint8Array
  statement: Uint8Array
  at: Date
}

export type WitnessedRow = { peer_id: string; origin: string; size: number; root: Uint8Array; note: string; at: Date }

export type RegressionRow = {
  peer_id: string
  origin: string
  witnessed_size: number
  size: number
  note: string
  at: Date
}

export type AlarmRow = {
  id: string
  peer_id: string | null
  whose: Whose
  kind: AlarmKind
  at: Date
  detail: string
  first_note: string
  second_note: string
}

export type SettlementRow = { alarm_id: string; at: Date; by: string; note: string }

/** What we have seen of peers' logs, and what was wrong with them. */
export type WitnessTables = {
  endorsement: EndorsementRow
  peer_keys: PeerKeysRow
  witnessed: WitnessedRow
  regression: RegressionRow
  alarm: AlarmRow
  settlement: SettlementRow
}
