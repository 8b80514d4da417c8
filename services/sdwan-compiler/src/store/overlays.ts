import { sql } from 'kysely'
import type { Overlay } from '../overlay.ts'
import type { SdwanTx } from './tables.ts'

/** One end of a road as it is kept: with its half of the preshared key, sealed, and the sequence with which that came. */
export type KeptOverlay = Overlay & {
  readonly peerId: string
  readonly halfSealed: Buffer | null
  readonly halfSequence: number
}

const COLUMNS = [
  'peer_id as peerId', 'sequence', 'gateways', 'advertise', 'withdrawn', 'half_sealed as halfSealed',
  'half_sequence as halfSequence',
] as const // prettier-ignore

const rowOf = ({ peerId, sequence, gateways, advertise, withdrawn, halfSealed, halfSequence }: KeptOverlay) => ({
  peer_id: peerId,
  sequence,
  gateways: sql<never>`${JSON.stringify(gateways)}::jsonb`,
  advertise: sql<never>`${JSON.stringify(advertise)}::jsonb`,
  withdrawn,
  half_sealed: halfSealed,
  half_sequence: halfSequence,
})

export async function heardOf(tx: SdwanTx, peerIds: readonly string[]): Promise<ReadonlyMap<string, HeardOverlay>> {
  if (peerIds.length === 0) return new Map()
  const rows = await tx.selectFrom('heard_overlay').select([...COLUMNS, 'heard_at as heardAt']).where('peer_id', 'in', peerIds).execute() // prettier-ignore
  return new Map(rows.map((row) => [row.peerId, row]))
}

export type HeardOverlay = KeptOverlay & { readonly heardAt: Date }

export async function saveHeard(tx: SdwanTx, heard: HeardOverlay): Promise<void> {
  const row = { ...rowOf(heard), heard_at: heard.heardAt }
  await tx
    .insertInto('heard_overlay')
    .values(row)
    .onConflict((on) => on.column('peer_id').doUpdateSet(row))
    .execute()
}

/** Nothing is known of its end any more, and its half of the key is gone. */
export async function forgetHeard(tx: SdwanTx, peerId: string): Promise<void> {
  await tx.deleteFrom('heard_overlay').where('peer_id', '=', peerId).execute()
}

export async function offersOf(tx: SdwanTx, peerIds: readonly string[]): Promise<ReadonlyMap<string, KeptOverlay>> {
  if (peerIds.length === 0) return new Map()
  const rows = await tx.selectFrom('overlay_offer').select(COLUMNS).where('peer_id', 'in', peerIds).execute()
  return new Map(rows.map((row) => [row.peerId, row]))
}

/** Every peer that was ever told of an end of ours. */
export async function offeredTo(tx: SdwanTx): Promise<readonly string[]> {
  const rows = await tx.selectFrom('overlay_offer').select('peer_id').execute()
  return rows.map(({ peer_id }) => peer_id)
}

/** Keeps what we offer from now on; it is told at once. */
export async function saveOffer(tx: SdwanTx, now: Date, offer: KeptOverlay): Promise<void> {
  const row = { ...rowOf(offer), due_at: now, attempts: 0, failure: '' }
  await tx
    .insertInto('overlay_offer')
    .values(row)
    .onConflict((on) => on.column('peer_id').doUpdateSet(row))
    .execute()
}

/** Makes an offer due at once, without changing it. */
export async function hasten(tx: SdwanTx, now: Date, peerId: string): Promise<void> {
  await tx.updateTable('overlay_offer').set({ due_at: now, attempts: 0 }).where('peer_id', '=', peerId).execute()
}

/** An offer that is to be told. */
export type DueOffer = KeptOverlay & { readonly attempts: number }

/**
 * Takes an offer that is due, so that no other replica tells it before `until`. To peers that cannot be called nothing is
 * told; what was withdrawn is told until it is known, and then no more.
 */
export async function claimDue(
  tx: SdwanTx,
  now: Date,
  { until, limit, busy }: { readonly until: Date; readonly limit: number; readonly busy: readonly string[] },
): Promise<DueOffer[]> {
  return tx
    .updateTable('overlay_offer')
    .set({ due_at: until })
    .where(
      sql<boolean>`peer_id in (select offer.peer_id from overlay_offer as offer
        join federation_peer as peer on peer.id = offer.peer_id
        where offer.due_at <= ${now} and peer.state in ('active', 'degraded') and offer.peer_id <> all(${busy}::uuid[])
          and not (offer.withdrawn and offer.told_sequence = offer.sequence)
        order by offer.due_at limit ${limit} for update of offer skip locked)`,
    )
    .returning([...COLUMNS, 'attempts'])
    .execute()
}

/** When the next is due, of those that can be told. */
export async function nextDueAt(tx: SdwanTx): Promise<Date | undefined> {
  const row = await tx
    .selectFrom('overlay_offer as offer')
    .innerJoin('federation_peer as peer', 'peer.id', 'offer.peer_id')
    .select('offer.due_at')
    .where('peer.state', 'in', ['active', 'degraded'])
    .where(sql<boolean>`not (offer.withdrawn and offer.told_sequence = offer.sequence)`)
    .orderBy('offer.due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.due_at
}

/** The peer has taken it; it is told again at `again`, so that a peer that lost it has it again. */
export async function told(
  tx: SdwanTx,
  { peerId, sequence }: { readonly peerId: string; readonly sequence: number },
  again: Date,
): Promise<void> {
  await tx
    .updateTable('overlay_offer')
    .set({ told_sequence: sequence, due_at: again, attempts: 0, failure: '' })
    .where('peer_id', '=', peerId)
    .where('sequence', '=', sequence)
    .execute()
}

/** It could not be told. */
export async function postpone(
  tx: SdwanTx,
  { peerId, sequence, attempts }: { readonly peerId: string; readonly sequence: number; readonly attempts: number },
  { at, failure }: { readonly at: Date; readonly failure: string },
): Promise<void> {
  await tx
    .updateTable('overlay_offer')
    .set({ due_at: at, attempts: attempts + 1, failure })
    .where('peer_id', '=', peerId)
    .where('sequence', '=', sequence)
    .execute()
}
