import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { Freshness } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { PeerKind, PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { failed, ok, skipped, warning, type Trouble } from '../check.ts'
import { meaningOf } from './answers.ts'
import type { PeerEvidence } from '../evidence.ts'
import { DAY_MS, lasting, msOf, since, when } from '../moments.ts'
import { reasonIn } from '../reason-in.ts'

const BEATEN: readonly PeerState[] = [PeerState.ACCEPTED, PeerState.ENROLLED, PeerState.ACTIVE, PeerState.DEGRADED]
const STALE_MS = 300_000

/** Beats, per direction; what the other side says to ours; and what they tell of a restored backup. */
export function heartbeatChecks(evidence: PeerEvidence): Check[] {
  const { peer, freshness } = evidence
  if (!peer || !BEATEN.includes(peer.state) || peer.kind === PeerKind.SDWAN_ONLY)
    return [skipped('heartbeats.both', 'no beats go in this state')]
  if (freshness === undefined) return [skipped('heartbeats.both', 'liveness did not say how fresh the peer is')]
  return [hearing(evidence, peer, freshness), ...(freshness ? answers(freshness, peer) : []), ...restored(evidence)]
}

function hearing({ now }: PeerEvidence, peer: Peer, freshness: Freshness | null): Check {
  const stale = msOf(peer.timers?.staleAfter) ?? STALE_MS
  const here = since(peer.enrolledAt ?? peer.acceptedAt, now) ?? 0
  const how = freshness?.hearing ?? 'never'
  const trouble = HEARING[how]?.(peer, freshness ?? undefined, now)
  if (!trouble) return ok('heartbeats.both', `beats go both ways; heard ${ago(freshness?.lastHeardAt, now)}`)
  if (how === 'never' && here < stale)
    return warning('heartbeats.both', { ...trouble, cause: `enrolled ${lasting(here)} ago: the first beat is due` })
  return failed('heartbeats.both', trouble)
}

type Hearing = (peer: Peer, freshness: Freshness | undefined, now: Date) => Trouble

const HEARING: Readonly<Record<string, Hearing>> = {
  they_hear_us: ({ id }, freshness, now) => ({
    symptom: 'one_way_in',
    summary: `they hear us, we do not hear them: their last beat came ${ago(freshness?.lastHeardAt, now)}`,
    cause: 'their beats do not reach our door',
    side: 'them',
    command: `fedctl doctor peer ${id}`,
  }),
  we_hear_them: ({ id }, freshness, now) => ({
    symptom: 'one_way_out',
    summary: `we hear them, they do not hear us: the last beat they answered was ${ago(freshness?.lastHeardByThemAt, now)}`,
    cause: freshness?.lastError || 'our beats are not answered',
    side: 'them',
    command: `fedctl doctor peer ${id}`,
  }),
  neither: ({ id }, freshness, now) => ({
    symptom: 'heartbeat_stale',
    summary: `no beat goes in either direction; heard ${ago(freshness?.lastHeardAt, now)}`,
    cause: freshness?.lastError || 'nothing comes, and nothing is answered',
    side: 'them',
    command: `fedctl remediation run ${id}`,
  }),
  never: ({ id }, freshness) => ({
    symptom: 'heartbeat_never',
    summary: 'no beat has ever gone both ways',
    cause: freshness?.lastError || 'neither side has heard the other',
    side: 'them',
    command: `fedctl doctor peer ${id}`,
  }),
}

const ago = (at: Freshness['lastHeardAt'], now: Date): string => {
  const ms = since(at, now)
  return ms === undefined ? 'never' : `${lasting(ms)} ago`
}

function answers({ lastError, lastErrorAt, lastHeardByThemAt, consecutiveFailures }: Freshness, peer: Peer): Check[] {
  const said = reasonIn(lastError)
  const failing = consecutiveFailures > 0 && (lastErrorAt?.seconds ?? 0n) >= (lastHeardByThemAt?.seconds ?? 0n)
  if (!failing || said === undefined) return []
  const known = meaningOf(said, peer)
  if (!known) return []
  const summary = `our beats are refused (${said})`
  return [failed('heartbeats.answers', { ...known, summary, cause: lastError })]
}

function restored({ freshness, now, peer }: PeerEvidence): Check[] {
  const ms = since(freshness?.restoredAt, now)
  if (ms === undefined || ms > DAY_MS) return []
  return [
    warning('heartbeats.epoch', {
      symptom: 'restored',
      summary: `their platform was restored from a backup at ${when(freshness?.restoredAt)}`,
      cause: 'a beat of theirs knew less than an earlier one: what they recorded since that backup is gone there',
      side: 'them',
      command: `fedctl audit reconcile ${peer?.id ?? '<peer>'}`,
    }),
  ]
}
