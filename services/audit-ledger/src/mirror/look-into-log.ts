import { inTransaction } from '@powernode/postgres'
import type { ReadMirrorResponse } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { leafHash } from '@powernode/tlog'
import { ownNotes, type OwnNote } from '../lost.ts'
import { appendRecovered } from '../operations/mirror/append-recovered.ts'
import { judgeOwnLog } from '../operations/mirror/judge-own-log.ts'
import { raiseLostForGood } from '../operations/mirror/raise-lost-for-good.ts'
import { settleRecovery } from '../operations/mirror/settle-recovery.ts'
import { verifyRecovered } from '../operations/mirror/verify-recovered.ts'
import * as entries from '../store/entries.ts'
import * as logs from '../store/logs.ts'
import { asTo, type MirrorDeps } from './mirror-deps.ts'

const PAGE = 256

/** `incomplete`: to be looked into again, since not all of what is missing could be brought back now. */
export type Outcome = 'whole' | 'recovered' | 'apart' | 'incomplete'

/**
 * Asks a peer what it has seen of our log about it, and brings back what we signed and no longer have.
 *
 * Fetched twice: first for the hashes alone, which MUST lead from what we hold to the root that we ourselves signed; then
 * for the leaves, each of which MUST have its hash. So however much is missing, memory grows by 32 bytes for each entry, and
 * nothing is appended before all of it is known to be ours.
 */
export async function lookIntoLog(deps: MirrorDeps, peerId: string, signal: AbortSignal): Promise<Outcome> {
  const { db, clock, border, keys } = deps
  const ours = await inTransaction(db, async (tx) => {
    const log = await logs.find(tx, peerId)
    return log && { origin: log.origin, size: await entries.size(tx, log.id) }
  })
  if (!ours) return 'whole'
  const seen = await border.readMirror({ start: BigInt(ours.size), limit: 1 }, asTo(peerId, signal))
  const notesOf = (...texts: string[]) => ownNotes(texts, keys.verifierOf(ours.origin))
  const notes = notesOf(seen.checkpoint, seen.mirroredCheckpoint)
  const verdict = await inTransaction(db, (tx) => judgeOwnLog(tx, clock.now(), { peerId, notes }))
  if (verdict.kind !== 'lost') return verdict.kind

  const { from, signed } = verdict
  const [mirrored] = notesOf(seen.mirroredCheckpoint)
  if (!mirrored || mirrored.size <= from) {
    await inTransaction(db, (tx) => raiseLostForGood(tx, clock.now(), { peerId, from, signed }))
    return 'incomplete'
  }
  if (!(await bringBack(deps, { peerId, from, note: mirrored }, signal)) || signed.size > mirrored.size)
    return 'incomplete'
  await inTransaction(db, (tx) => settleRecovery(tx, clock.now(), { peerId, from, to: mirrored.size }))
  return 'recovered'
}

type Missing = { readonly peerId: string; readonly from: number; readonly note: OwnNote }

/** False: what came is not what we signed, or somebody else was at it. */
async function bringBack(deps: MirrorDeps, { peerId, from, note }: Missing, signal: AbortSignal): Promise<boolean> {
  const { db, clock } = deps
  const to = note.size
  const hashes: Uint8Array[] = []
  for await (const page of pagesOf(deps, { peerId, from, note }, signal)) {
    for (const { leaf } of page.entries) hashes.push(leafHash(leaf))
  }
  const isOurs = await inTransaction(db, (tx) => verifyRecovered(tx, clock.now(), { peerId, from, hashes, note }))
  if (!isOurs) return false
  for await (const { start, entries: shipped } of pagesOf(deps, { peerId, from, note }, signal)) {
    const verified = hashes.slice(start - from, start - from + shipped.length)
    const said = { peerId, start, shipped, hashes: verified, to }
    await inTransaction(db, (tx) => appendRecovered(tx, clock.now(), said))
  }
  return true
}

type Page = { readonly start: number; readonly entries: ReadMirrorResponse['entries'] }

async function* pagesOf(
  { border }: MirrorDeps,
  { peerId, from, note: { size: to } }: Missing,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  for (let start = from; start < to;) {
    const limit = Math.min(PAGE, to - start)
    const { entries: page } = await border.readMirror({ start: BigInt(start), limit }, asTo(peerId, signal))
    if (page.length === 0) throw new Error(`the peer's mirror ends at ${start}, before the ${to} that it showed`)
    yield { start, entries: page.slice(0, limit) }
    start += Math.min(page.length, limit)
  }
}
