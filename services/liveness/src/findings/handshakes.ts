import { hearing as hearingOf } from '../freshness.ts'
import { SILENCE } from '../remediation/decide.ts'
import { quiet } from '../remediation/sense.ts'
import { isPlatform, REACHABLE, type PeerEvidence } from './evidence.ts'
import type { Ground, Seen } from './seen.ts'

/** How long an accepted peer may take to be enrolled: as long as any peer may be silent. */
const HANDSHAKE_MS = 300_000

/**
 * Accepted, and the handshake was never made. A network alone stops at accepted, so of it only the acceptance can be missing
 * (the source documents' signed_at); a platform goes on to enrolled by itself once it has disclosed who it is.
 */
export function lateHandshake(peer: PeerEvidence, { now }: Ground): readonly Seen[] {
  const { state, acceptedAt, enrolledAt, waitingOn, next, peerId } = peer
  if (state !== 'accepted' || enrolledAt) return []
  const remedy = next || `what is missing: fedctl peer show ${peerId}`
  if (!acceptedAt) return [{ message: 'it is accepted, and no handshake was ever made', remedy, waitingOn: 'us' }]
  if (!isPlatform(peer) || now.getTime() - acceptedAt.getTime() < HANDSHAKE_MS) return []
  const message = `it was accepted at ${acceptedAt.toISOString()} and is not enrolled yet`
  return [{ message, remedy, waitingOn }]
}

/** Silent for longer than was agreed, in a direction. Our own deafness does not count: see remediation/listening.ts. */
export function silence(peer: PeerEvidence, { now, listeningSince }: Ground): readonly Seen[] {
  const { state, freshness, enrolledAt, peerId } = peer
  if (!REACHABLE.has(state) || !freshness) return []
  const evidence = { state, freshness, expectedSince: enrolledAt ?? null, certificates: [] }
  const { hearing } = quiet(evidence, { now, listeningSince })
  if (hearing === 'both') return []
  const { lastHeardAt, staleAfterMs } = freshness
  const payload = {
    last_heartbeat_at: lastHeardAt?.toISOString() ?? 'never',
    stale_after_seconds: String(staleAfterMs / 1_000),
  }
  return [{ message: SILENCE[hearing], remedy: `fedctl doctor peer ${peerId}`, waitingOn: 'them', payload }]
}

/** It was not heard for too long, and we have not listened for long enough to lay it to the peer. */
export const mayBeSilent = ({ state, freshness }: PeerEvidence, { now }: Ground): boolean =>
  REACHABLE.has(state) && freshness !== undefined && hearingOf(freshness, now) !== 'both'
