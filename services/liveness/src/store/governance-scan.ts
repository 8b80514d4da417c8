import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Tables } from './tables.ts'

/** The last time when all peers were looked at. */
export type Scan = {
  /** When the reading of what was looked at began. */
  readonly asOf: Date
  readonly scannedAt: Date
  readonly peers: number
  /** Services that did not answer. */
  readonly unread: readonly string[]
  /** The contract in force, as peer-registry said last; 0 and empty before it ever did. */
  readonly contractVersion: number
  readonly contractSha256: string
}

type Row = {
  readonly as_of: Date
  readonly scanned_at: Date
  readonly peers: number
  readonly unread: string[]
  readonly contract_version: number
  readonly contract_sha256: string
}

export async function last(tx: Tx<Tables>): Promise<Scan | undefined> {
  const { rows } = await sql<Row>`
    select as_of, scanned_at, peers, unread, contract_version, contract_sha256 from governance_scan`.execute(tx)
  const [row] = rows
  if (!row) return undefined
  const { as_of: asOf, scanned_at: scannedAt, peers, unread } = row
  return {
    asOf,
    scannedAt,
    peers,
    unread,
    contractVersion: row.contract_version,
    contractSha256: row.contract_sha256,
  }
}

/** What was looked at now. Of a contract that nobody named the last word stands. */
export async function save(tx: Tx<Tables>, scan: Scan): Promise<void> {
  const { asOf, scannedAt, peers, unread, contractVersion, contractSha256 } = scan
  await sql`
    insert into governance_scan as s (as_of, scanned_at, peers, unread, contract_version, contract_sha256)
    values (${asOf}, ${scannedAt}, ${peers}, ${unread}, ${contractVersion}, ${contractSha256})
    on conflict (one) do update set
      as_of = excluded.as_of, scanned_at = excluded.scanned_at, peers = excluded.peers, unread = excluded.unread,
      contract_version = case when excluded.contract_sha256 = '' then s.contract_version else excluded.contract_version end,
      contract_sha256 = case when excluded.contract_sha256 = '' then s.contract_sha256 else excluded.contract_sha256 end`.execute(
    tx,
  )
}
