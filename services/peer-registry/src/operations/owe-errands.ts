import { hash, X509Certificate } from 'node:crypto'
import type { Tx } from '@powernode/postgres'
import type { ErrandKind } from '../errand.ts'
import { DAY_MS } from '../invitation.ts'
import type { Peer } from '../peer.ts'
import { bundleIn } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'

const BATCH = 500

/**
 * Puts an errand without words of its own on the list; false when the peer cannot be called now, or is just being moved.
 * Whoever owes it looks again: the sweeps in seconds, liveness with one of the next beats.
 */
export async function oweErrand(tx: Tx<Tables>, now: Date, peerId: string, kind: ErrandKind): Promise<boolean> {
  if (!(await peers.holdCallable(tx, peerId))) return false
  await errands.put(tx, {
    peerId,
    kind,
    statement: null,
    tokenSealed: null,
    tokenDigest: null,
    expiresAt: new Date(now.getTime() + 365 * DAY_MS),
    attempts: 0,
    nextAttemptAt: now,
    lastError: '',
    createdAt: now,
  })
  return true
}

/** Every live peer that has not receipted our newest bundle gets it delivered. Reads the state, not the news of it. */
export async function oweBundles(tx: Tx<Tables>, now: Date): Promise<number> {
  const { bundleSequence } = await platform.read(tx)
  const owed = await errands.undelivered(tx, bundleSequence, BATCH)
  let count = 0
  for (const peerId of owed) count += Number(await oweErrand(tx, now, peerId, 'deliver_bundle'))
  return count
}

/** Every certificate that another platform signed for us is renewed when a third of its life is left, or its CA is replaced. */
export async function oweRenewals(tx: Tx<Tables>, now: Date): Promise<number> {
  const held = await peers.listCertified(tx)
  const due = held.filter((peer) => isDue(peer, now) || isOfOldRoot(peer))
  for (const peer of due)
    if (!(await errands.find(tx, peer.id, 'renew_certificate'))) await oweErrand(tx, now, peer.id, 'renew_certificate')
  return due.length
}

/** Of its own life, which they chose: measured by another, a short certificate would be due again the moment it is new. */
function isDue({ certificateChain: [leaf] }: Peer, now: Date): boolean {
  if (leaf === undefined) return false
  const { validFromDate, validToDate } = new X509Certificate(Buffer.from(leaf, 'base64'))
  return validToDate.getTime() - now.getTime() < (validToDate.getTime() - validFromDate.getTime()) / 3
}

/** Their bundle names the root in use first; ours should hang from it. */
function isOfOldRoot({ trustBundle, certificateChain }: Peer): boolean {
  const inUse = trustBundle && bundleIn(trustBundle).roots[0]
  const ours = certificateChain.at(-1)
  return Boolean(inUse && ours && hash('sha256', inUse) !== hash('sha256', Buffer.from(ours, 'base64')))
}
