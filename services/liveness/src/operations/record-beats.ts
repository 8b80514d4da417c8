import { appendAll, type Announcement } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import type { PlatformDescription } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { announceBundle, announceHeard, announcesRestore, type PeerState } from '../announcement.ts'
import { peerBundleOutdated, peerDescribed, peerHeard, peerRestored } from '../events.ts'
import { hearing, unheard as neverHeard, withPatience, type Freshness } from '../freshness.ts'
import { hearBeat, wantsDescription, type Beat } from '../heard-beat.ts'
import { noteAnswer, noteFailure, type AnsweredBeat, type FailedBeat } from '../own-beat.ts'
import * as freshness from '../store/freshness.ts'
import * as nudges from '../store/nudges.ts'
import type { Tables } from '../store/tables.ts'

/** What peer-registry last told us of a peer; of one it has not told us of yet, the state is `unknown`. */
export type PeerView = {
  readonly peerId: string
  readonly state: PeerState
  readonly staleAfterMs: number
  readonly trustBundleSequence: bigint
}

/** A beat heard, or what came of one we sent. */
export type Said = { readonly peer: PeerView } & (
  | { readonly kind: 'heard'; readonly beat: Beat; readonly description: PlatformDescription | undefined }
  | { readonly kind: 'answered'; readonly beat: AnsweredBeat }
  | { readonly kind: 'failed'; readonly beat: FailedBeat }
)

export type Recorded = {
  readonly freshness: Freshness
  readonly outcome: 'heard' | 'restored' | 'replayed' | 'answered' | 'failed'
  /** The peer should describe itself with its next beat. */
  readonly wantsDescription: boolean
}

/**
 * Many beats, of any peers and both ways, become what we know of each; news among them is announced.
 *
 * One lock, one write and one commit for the whole batch, because a beat costs a commit otherwise. The beats of one
 * peer are taken in the order they were said. State and news share the transaction: nothing is announced that was not
 * recorded, and nothing recorded stays unannounced.
 * Heard by peer-registry (moves the peer, fetches bundles, takes descriptions) and audit-ledger.
 */
export async function recordBeats(tx: Tx<Tables>, now: Date, said: readonly Said[]): Promise<readonly Recorded[]> {
  const before = await claim(tx, said)
  const batch: Batch = { known: new Map(before), news: [], unheardBy: new Set() }

  const recorded = said.map((one) => record(batch, now, one))

  await freshness.save(
    tx,
    [...before.values()].map((row) => ({ before: row, after: batch.known.get(row.peerId) ?? row })),
  )
  await appendAll(tx, batch.news)
  await nudges.beatBack(tx, [...batch.unheardBy])
  return recorded
}

type Batch = { readonly known: Map<string, Freshness>; readonly news: Announcement[]; readonly unheardBy: Set<string> }

/** Locks what we know of the peers; those we know nothing of get a row first, so that two writers cannot both be first. */
async function claim(tx: Tx<Tables>, said: readonly Said[]): Promise<Map<string, Freshness>> {
  const views = new Map(said.map(({ peer }) => [peer.peerId, peer]))
  const known = await freshness.lock(tx, [...views.keys()])
  const missing = [...views.values()].filter(({ peerId }) => !known.has(peerId))
  if (missing.length > 0) {
    await freshness.add(tx, missing)
    const added = await freshness.lock(
      tx,
      missing.map(({ peerId }) => peerId),
    )
    for (const [peerId, row] of added) known.set(peerId, row)
  }
  return known
}

function record(batch: Batch, now: Date, said: Said): Recorded {
  const { peerId, state, staleAfterMs, trustBundleSequence } = said.peer
  const before = withPatience(batch.known.get(peerId) ?? neverHeard(peerId, staleAfterMs), staleAfterMs)
  const { after: noted, outcome } = note(batch, now, before, said)

  const { after: told, announcement } = announceHeard(noted, state, now)
  if (announcement) batch.news.push(peerHeard(told, now))
  const { after, outdated } = announceBundle(told, trustBundleSequence, now)
  if (outdated && state !== 'unknown') batch.news.push(peerBundleOutdated(after, now))

  // They are there, and ours did not reach them (lately): the way may be open now.
  const unheard = after.consecutiveFailures > 0 || hearing(after, now) === 'we_hear_them'
  if (said.kind === 'heard' && unheard) batch.unheardBy.add(peerId)
  batch.known.set(peerId, after)
  return { freshness: after, outcome, wantsDescription: said.kind === 'heard' && wantsDescription(after, said.beat) }
}

function note(
  batch: Batch,
  now: Date,
  before: Freshness,
  said: Said,
): { after: Freshness; outcome: Recorded['outcome'] } {
  if (said.kind === 'answered') return { after: noteAnswer(before, said.beat), outcome: 'answered' }
  if (said.kind === 'failed') return { after: noteFailure(before, said.beat), outcome: 'failed' }
  const { after, outcome, describedAnew } = hearBeat(before, said.beat)
  if (outcome === 'restored' && announcesRestore(before, now)) batch.news.push(peerRestored(before, after, now))
  if (describedAnew && said.description) batch.news.push(peerDescribed(after, said.description, now))
  return { after, outcome }
}
