import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Errand, ErrandKind } from '../errand.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const ERRAND = [
  'peer_id', 'kind', 'statement', 'token_sealed', 'token_digest', 'expires_at', 'attempts', 'next_attempt_at', 'last_error',
  'created_at',
] as const // prettier-ignore

/** Puts work on the list; work of that kind for that peer that is there already is replaced. */
export async function put(tx: Tx<Tables>, errand: Errand): Promise<void> {
  const row = toRow(errand)
  await tx
    .insertInto('errand')
    .values(row)
    .onConflict((on) => on.columns(['peer_id', 'kind']).doUpdateSet(row))
    .execute()
  await sql`select pg_notify('peer_registry_errands', '')`.execute(tx)
}

/** As put, of one kind for many peers at once. */
export async function putAll(tx: Tx<Tables>, all: readonly Errand[]): Promise<void> {
  for (let at = 0; at < all.length; at += BATCH)
    await tx
      .insertInto('errand')
      .values(all.slice(at, at + BATCH).map(toRow))
      .onConflict((on) =>
        on.columns(['peer_id', 'kind']).doUpdateSet((is) => ({
          expires_at: is.ref('excluded.expires_at'),
          attempts: is.ref('excluded.attempts'),
          next_attempt_at: is.ref('excluded.next_attempt_at'),
          last_error: is.ref('excluded.last_error'),
          created_at: is.ref('excluded.created_at'),
        })),
      )
      .execute()
  if (all.length > 0) await sql`select pg_notify('peer_registry_errands', '')`.execute(tx)
}

const BATCH = 1_000

/** Takes up to `limit` due errands, so that nobody else does before `until`; redemptions first, since a person waits. */
export async function claimDue(tx: Tx<Tables>, now: Date, until: Date, limit: number): Promise<Errand[]> {
  const rows = await tx
    .updateTable('errand')
    .set({ next_attempt_at: until })
    .where(
      sql<boolean>`(peer_id, kind) in (select peer_id, kind from errand where next_attempt_at <= ${now}
        order by kind <> 'redeem', next_attempt_at limit ${limit} for update skip locked)`,
    )
    .returning(ERRAND)
    .execute()
  return rows.map((row) => fromRow<Errand>(row))
}

/** Keeps an errand that `claimDue` took, until later. */
export async function hold(tx: Tx<Tables>, errand: Errand, until: Date): Promise<void> {
  await tx
    .updateTable('errand')
    .set({ next_attempt_at: until })
    .where('peer_id', '=', errand.peerId)
    .where('kind', '=', errand.kind)
    .where('created_at', '=', errand.createdAt)
    .execute()
}

export async function nextDueAt(tx: Tx<Tables>): Promise<Date | undefined> {
  const row = await tx
    .selectFrom('errand')
    .select('next_attempt_at')
    .orderBy('next_attempt_at')
    .limit(1)
    .executeTakeFirst()
  return row?.next_attempt_at
}

export async function find(tx: Tx<Tables>, peerId: string, kind: ErrandKind): Promise<Errand | undefined> {
  const row = await tx
    .selectFrom('errand')
    .select(ERRAND)
    .where('peer_id', '=', peerId)
    .where('kind', '=', kind)
    .executeTakeFirst()
  return row && fromRow<Errand>(row)
}

/** The redemption of a token, held until the transaction ends: a second click waits here for the first. */
export async function holdByToken(tx: Tx<Tables>, tokenDigest: Buffer): Promise<Errand | undefined> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`redeem ${tokenDigest.toString('hex')}`}, 0))`.execute(tx)
  const row = await tx.selectFrom('errand').select(ERRAND).where('token_digest', '=', tokenDigest).executeTakeFirst()
  return row && fromRow<Errand>(row)
}

export async function listOf(tx: Tx<Tables>, peerIds: readonly string[]): Promise<Errand[]> {
  if (peerIds.length === 0) return []
  const rows = await tx.selectFrom('errand').select(ERRAND).where('peer_id', 'in', peerIds).execute()
  return rows.map((row) => fromRow<Errand>(row))
}

/** The peers that something is still owed to, though they are revoked. */
export async function owedNotices(tx: Tx<Tables>): Promise<ReadonlySet<string>> {
  const rows = await tx.selectFrom('errand').select('peer_id').where('kind', '=', 'notify_revocation').execute()
  return new Set(rows.map(({ peer_id }) => peer_id))
}

export async function postpone(tx: Tx<Tables>, errand: Errand, at: Date, error: string): Promise<void> {
  await tx
    .updateTable('errand')
    .set({ attempts: errand.attempts + 1, next_attempt_at: at, last_error: error })
    .where('peer_id', '=', errand.peerId)
    .where('kind', '=', errand.kind)
    .where('created_at', '=', errand.createdAt)
    .execute()
}

export async function remove(tx: Tx<Tables>, peerId: string, kind: ErrandKind): Promise<void> {
  await tx.deleteFrom('errand').where('peer_id', '=', peerId).where('kind', '=', kind).execute()
}

/** Done with this one; one of the same kind that took its place meanwhile stays. */
export async function settle(tx: Tx<Tables>, { peerId, kind, createdAt }: Errand): Promise<void> {
  await tx
    .deleteFrom('errand')
    .where('peer_id', '=', peerId)
    .where('kind', '=', kind)
    .where('created_at', '=', createdAt)
    .execute()
}

/** Strikes everything for a peer off the list, but not what it still has to be told. */
export async function removeAllBut(tx: Tx<Tables>, peerId: string, kind: ErrandKind): Promise<void> {
  await tx.deleteFrom('errand').where('peer_id', '=', peerId).where('kind', '<>', kind).execute()
}

/** Live peers that have not receipted `sequence` and are not about to be told. */
export async function undelivered(tx: Tx<Tables>, sequence: number, limit: number): Promise<string[]> {
  const rows = await tx
    .selectFrom('peer')
    .select('peer.id')
    .leftJoin('errand', (on) => on.onRef('errand.peer_id', '=', 'peer.id').on('errand.kind', '=', 'deliver_bundle'))
    .where('peer.state', 'in', ['enrolled', 'active', 'degraded'])
    .where('peer.acknowledged_bundle_sequence', '<', sequence)
    .where('errand.peer_id', 'is', null)
    .orderBy('peer.id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}
