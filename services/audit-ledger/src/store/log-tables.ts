import type { Generated } from 'kysely'

export type LedgerRow = { trust_domain: string; opened_at: Date }

export type LogRow = { id: Generated<number>; name: string; origin: string; opened_at: Date }

export type EntryRow = {
  log_id: number
  sequence: number
  id: string
  action: string
  at: Date
  direction: 'in' | 'out' | null
  remote_id: string | null
  leaf: Buffer
  leaf_hash: Buffer
}

export type PayloadRow = { log_id: number; sequence: number; salt: Buffer; body: string; disclosed: boolean }

export type TileRow = { log_id: number; level: number; position: number; hashes: Buffer; root: Buffer }

export type CheckpointRow = { log_id: number; size: number; root: Uint8Array; note: string; signed_at: Date }

export type CosignatureRow = {
  log_id: number
  size: number
  name: string
  key_id: Uint8Array
  line: string
  at: Date
}

export type LedgerKeyRow = {
  use: 'log' | 'witness'
  generation: number
  public_key: Uint8Array
  sealed: Uint8Array
  made_at: Date
}

export type ErasureRow = {
  id: Generated<number>
  log_id: number
  first: number
  last: number
  ran_out: boolean
  at: Date
  actor: string
  reason: string
  recorded_at: number | null
}

export type PruningRow = { log_id: number; below: number; statement: string; at: Date }

export type HoldRow = { id: Generated<number>; log_id: number; held: boolean; reason: string; at: Date }

/** What we write down ourselves: the logs, their trees, and what was signed about them. */
export type LogTables = {
  ledger: LedgerRow
  log: LogRow
  entry: EntryRow
  payload: PayloadRow
  tile: TileRow
  checkpoint: CheckpointRow
  cosignature: CosignatureRow
  ledger_key: LedgerKeyRow
  erasure: ErasureRow
  pruning: PruningRow
  hold: HoldRow
}
