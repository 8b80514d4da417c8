import { sql } from 'kysely'
import type { Purpose } from '../bootstrap-token.ts'
import type { SpawnTx } from './tables.ts'

export type Issued = {
  readonly digest: Buffer
  readonly childId: string
  readonly purpose: Purpose
  readonly subject: string
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** Issues a token in place of every other of that purpose that was not used. */
export async function replace(tx: SpawnTx, issued: Issued): Promise<void> {
  await tx
    .deleteFrom('bootstrap_token')
    .where('child_id', '=', issued.childId)
    .where('purpose', '=', issued.purpose)
    .where('consumed_at', 'is', null)
    .execute()
  await tx
    .insertInto('bootstrap_token')
    .values({
      digest: issued.digest,
      child_id: issued.childId,
      purpose: issued.purpose,
      subject: issued.subject,
      issued_at: issued.issuedAt,
      expires_at: issued.expiresAt,
    })
    .execute()
}

export type Spent = {
  readonly purpose: Purpose
  readonly subject: string
  /** What was answered, if anything was. Leaf first, DER. */
  readonly chain: readonly Buffer[] | null
}

/**
 * Spends a token of this child, for whoever has the key `by` (SHA-256 of it); undefined when there is none to spend.
 *
 * The same key again spends nothing and is answered as before: an answer that was lost loses nothing.
 */
export async function consume(
  tx: SpawnTx,
  now: Date,
  said: { readonly digest: Buffer; readonly childId: string; readonly by: Buffer },
): Promise<Spent | undefined> {
  const { rows } = await sql<Spent>`
    update bootstrap_token set consumed_at = coalesce(consumed_at, ${now}), consumed_by = ${said.by}
    where digest = ${said.digest} and child_id = ${said.childId} and expires_at > ${now}
      and (consumed_by is null or consumed_by = ${said.by})
    returning purpose, subject, chain`.execute(tx)
  return rows[0]
}

/** Keeps what was answered for a token that is spent, for as long as the token lives. Returns what was kept first. */
export async function keepAnswer(
  tx: SpawnTx,
  digest: Buffer,
  chain: readonly Uint8Array[],
): Promise<readonly Buffer[]> {
  const answer = chain.map((der) => Buffer.from(der))
  const { rows } = await sql<{ chain: Buffer[] }>`
    update bootstrap_token set chain = coalesce(chain, ${answer}::bytea[]) where digest = ${digest}
    returning chain`.execute(tx)
  return rows[0]?.chain ?? answer
}

/** Forgets those that are over. */
export async function forgetOver(tx: SpawnTx, before: Date): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom('bootstrap_token').where('expires_at', '<', before).executeTakeFirst()
  return Number(numDeletedRows)
}
