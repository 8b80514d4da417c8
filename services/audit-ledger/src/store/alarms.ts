import { newId } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Alarm, Finding } from '../alarm.ts'
import { PLATFORM_LOG } from '../new-entry.ts'
import type { LedgerTx } from './tables.ts'

/** Waits for its turn to find something about a peer: what is found by two at once is one alarm. */
export async function lock(tx: LedgerTx, peerId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('audit_ledger.alarm.' || ${peerId}, 0))`.execute(tx)
}

const selected = (tx: LedgerTx) =>
  tx
    .selectFrom('alarm')
    .leftJoin('settlement', 'settlement.alarm_id', 'alarm.id')
    .select([
      'id',
      'peer_id as peerId',
      'whose',
      'kind',
      'alarm.at',
      'detail',
      'first_note as firstNote',
      'second_note as secondNote',
      'settlement.at as settledAt',
      'settlement.by as settledBy',
      'settlement.note as settledNote',
    ])

type Row = Awaited<ReturnType<ReturnType<typeof selected>['executeTakeFirstOrThrow']>>

export type AlarmFilter = {
  readonly peerId: string
  readonly openOnly: boolean
  readonly beforeId?: string | undefined
  readonly limit: number
}

/** The newest first (UUIDv7); of one peer, or of all. */
export async function list(
  tx: LedgerTx,
  { peerId, openOnly, beforeId, limit }: AlarmFilter,
): Promise<readonly Alarm[]> {
  const rows = await selected(tx)
    .$if(peerId !== '', (query) => query.where('peer_id', '=', peerId))
    .$if(openOnly, (query) => query.where('settlement.alarm_id', 'is', null))
    .$if(beforeId !== undefined, (query) => query.where('id', '<', beforeId ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(fromRow)
}

export async function find(tx: LedgerTx, id: string): Promise<Alarm | undefined> {
  const row = await selected(tx).where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** One of the same kind that nobody has settled yet. */
export async function findOpen(
  tx: LedgerTx,
  { peerId, whose, kind }: Pick<Finding, 'peerId' | 'whose' | 'kind'>,
): Promise<Alarm | undefined> {
  const row = await selected(tx)
    .where('peer_id', 'is not distinct from', peerId || null)
    .where('whose', '=', whose)
    .where('kind', '=', kind)
    .where('settlement.alarm_id', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row && fromRow(row)
}

/** What is open about each of these logs and their counterparts, in a word; those of which nothing is open are left out. */
export async function openKinds(tx: LedgerTx, logs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const peerIds = logs.filter((name) => name !== PLATFORM_LOG)
  const rows = await tx
    .selectFrom('alarm')
    .leftJoin('settlement', 'settlement.alarm_id', 'alarm.id')
    .select(['peer_id as peerId', 'kind'])
    .where(sql<boolean>`(peer_id = any (${peerIds}::uuid[]) or (peer_id is null and ${logs.includes(PLATFORM_LOG)}))`)
    .where('settlement.alarm_id', 'is', null)
    .orderBy('alarm.at')
    .execute()
  return new Map(rows.map(({ peerId, kind }) => [peerId ?? PLATFORM_LOG, kind]))
}

export async function add(tx: LedgerTx, found: Finding, now: Date): Promise<Alarm> {
  const id = newId(now)
  const { peerId, whose, kind, detail, firstNote, secondNote } = found
  const row = {
    id,
    peer_id: peerId || null,
    whose,
    kind,
    at: now,
    detail,
    first_note: firstNote,
    second_note: secondNote,
  }
  await tx.insertInto('alarm').values(row).execute()
  return { ...found, id, at: now, settled: undefined }
}

/** Settles an alarm; false: it is settled already. */
export async function settle(
  tx: LedgerTx,
  { id, by, note }: { readonly id: string; readonly by: string; readonly note: string },
  now: Date,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('settlement')
    .values({ alarm_id: id, at: now, by, note })
    .onConflict((on) => on.doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows > 0n
}

function fromRow({ settledAt, settledBy, settledNote, peerId, ...found }: Row): Alarm {
  const settled = settledAt ? { at: settledAt, by: settledBy ?? '', note: settledNote ?? '' } : undefined
  return { ...found, peerId: peerId ?? '', settled }
}
