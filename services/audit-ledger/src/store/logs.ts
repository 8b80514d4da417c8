import { originOf } from '@powernode/ledger'
import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

export type Log = { readonly id: number; readonly name: string; readonly origin: string }

/** Where a log ends: how many entries, the hash of the last leaf, and whether it takes more. */
export type End = {
  readonly id: number
  readonly name: string
  readonly size: number
  readonly leafHash: Uint8Array | null
  readonly held: boolean
}

const COLUMNS = ['id', 'name', 'origin'] as const

/**
 * Waits for its turn to write to these logs, and returns where those that are open end.
 *
 * Advisory locks, because a role that may only SELECT and INSERT cannot lock rows; in sorted order, so that two batches
 * over the same logs never wait for each other. They are held until the transaction ends: numbers have no gaps and become
 * visible in their order, however many replicas write.
 */
export async function takeEnds(tx: LedgerTx, names: readonly string[]): Promise<readonly End[]> {
  const sorted = [...names].sort()
  const { rows } = await sql<End>`
    select log_id as id, name, size, leaf_hash as "leafHash", held from take_ends(${sorted})`.execute(tx)
  return rows
}

/** Says whose ledger this is, when nobody has yet; returns whose it is. */
export async function claim(tx: LedgerTx, trustDomain: string, now: Date): Promise<string> {
  await tx
    .insertInto('ledger')
    .values({ trust_domain: trustDomain, opened_at: now })
    .onConflict((on) => on.doNothing())
    .execute()
  return trustDomainOf(tx)
}

/** Opens a log with its first entry. MUST hold the log's lock. */
export async function open(tx: LedgerTx, name: string, now: Date): Promise<Log> {
  const origin = originOf(await trustDomainOf(tx), name)
  return tx.insertInto('log').values({ name, origin, opened_at: now }).returning(COLUMNS).executeTakeFirstOrThrow()
}

async function trustDomainOf(tx: LedgerTx): Promise<string> {
  const ledger = await tx.selectFrom('ledger').select('trust_domain').executeTakeFirst()
  if (!ledger) throw new Error('nobody has said yet whose ledger this is')
  return ledger.trust_domain
}

export async function find(tx: LedgerTx, name: string): Promise<Log | undefined> {
  return tx.selectFrom('log').select(COLUMNS).where('name', '=', name).executeTakeFirst()
}

export async function byId(tx: LedgerTx, id: number): Promise<Log | undefined> {
  return tx.selectFrom('log').select(COLUMNS).where('id', '=', id).executeTakeFirst()
}

export async function byOrigin(tx: LedgerTx, origin: string): Promise<Log | undefined> {
  return tx.selectFrom('log').select(COLUMNS).where('origin', '=', origin).executeTakeFirst()
}

/** A page of all logs, by name. */
export async function list(
  tx: LedgerTx,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly Log[]> {
  return tx.selectFrom('log').select(COLUMNS).where('name', '>', after).orderBy('name').limit(limit).execute()
}

export async function count(tx: LedgerTx): Promise<number> {
  const { n } = await tx
    .selectFrom('log')
    .select(({ fn }) => fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  return n
}

/** The channel on which it is heard that some log has grown by something else than the appender of a process. */
export const GROWN_CHANNEL = 'audit_ledger_grown'

/** Tells whoever signs that there is something to sign, once this commits. */
export async function tellGrown(tx: LedgerTx): Promise<void> {
  await sql`select pg_notify(${GROWN_CHANNEL}, '')`.execute(tx)
}

export type Unsigned = Log & { readonly size: number }

/** Logs whose newest entries no checkpoint covers yet, but for those on hold. */
export async function unsigned(tx: LedgerTx, limit: number): Promise<readonly Unsigned[]> {
  const { rows } = await sql<Unsigned>`
    select log.id, log.name, log.origin, e.size from log
    cross join lateral (
      select sequence + 1 as size from entry where log_id = log.id order by sequence desc limit 1
    ) e
    left join lateral (
      select size from checkpoint where log_id = log.id order by size desc limit 1
    ) c on true
    where (c.size is null or c.size < e.size)
      and not coalesce((select held from hold where log_id = log.id order by id desc limit 1), false)
    order by log.id limit ${limit}`.execute(tx)
  return rows
}
