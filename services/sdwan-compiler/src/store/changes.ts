import { sql } from 'kysely'
import type { SdwanTx } from './tables.ts'

export type KeptChange = { readonly requestSha256: Buffer; readonly answer: Buffer; readonly at: Date }

/** The change that was made under this id. */
export async function find(tx: SdwanTx, requestId: string): Promise<KeptChange | undefined> {
  const { rows } = await sql<KeptChange>`
    select request_sha256 as "requestSha256", answer, at from change where request_id = ${requestId}`.execute(tx)
  return rows[0]
}

export type NewChange = {
  readonly id: string
  readonly requestId: string | null
  readonly requestSha256: Buffer
  readonly by: string
  readonly at: Date
  readonly version: number
  readonly lines: readonly string[]
  readonly planSha256: string
  readonly answer: Uint8Array
}

export async function insert(tx: SdwanTx, change: NewChange): Promise<void> {
  const { id, requestId, requestSha256, by, at, version, lines, planSha256, answer } = change
  await sql`insert into change (id, request_id, request_sha256, by, at, version, lines, plan_sha256, answer)
    values (${id}, ${requestId}, ${requestSha256}, ${by}, ${at}, ${version}, ${[...lines]}::text[], ${planSha256},
      ${Buffer.from(answer)})`.execute(tx)
}

/** A request is repeated within minutes or not at all. Returns how many were forgotten. */
export async function forget(tx: SdwanTx, before: Date): Promise<number> {
  const { numAffectedRows = 0n } = await sql`delete from change where at < ${before}`.execute(tx)
  return Number(numAffectedRows)
}
