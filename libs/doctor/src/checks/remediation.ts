import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { Remediation, RemediationStatus } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { failed, ok, warning } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'
import { lasting, msOf, since, when } from '../moments.ts'

const STALE_MS = 300_000

/** What the loop did about the peer last, and why: how a peer came to be degraded that was expected to be fine. */
export function remediationChecks(evidence: PeerEvidence): Check[] {
  const { listening, peer, now, freshness } = evidence
  const stale = msOf(peer?.timers?.staleAfter) ?? STALE_MS
  const isHeard = freshness?.hearing === 'both'
  return [...(listening ? loopChecks(listening, now, isHeard ? 0 : stale) : []), ...lastDecision(evidence)]
}

/** How the loop itself stands. That we listen since a short time is worth a word only where somebody is not heard. */
export function loopChecks(status: RemediationStatus, now: Date, staleMs = status.late > 0 ? STALE_MS : 0): Check[] {
  const found = [...breaker(status), ...mode(status), ...listeningAnew(status, now, staleMs)]
  if (found.length > 0) return found
  return [ok('heartbeats.loop', `${status.late} of ${status.watched} peers are late; silence is acted upon`)]
}

function breaker({ breakerSince, breakerReason, late, watched }: RemediationStatus): Check[] {
  if (!breakerSince) return []
  return [
    failed('heartbeats.breaker', {
      symptom: 'breaker_holds',
      summary: `${late} of ${watched} peers are late at once: it is us, or the road that all share, so none is degraded`,
      cause: `${breakerReason}; since ${when(breakerSince)}`,
      side: 'us',
      command: 'fedctl doctor',
    }),
  ]
}

function mode({ mode: how, modeReason, modeBy, modeSince }: RemediationStatus): Check[] {
  if (how === 'acting' || how === '') return []
  return [
    warning('heartbeats.loop', {
      symptom: 'remediation_paused',
      summary: how === 'paused' ? 'the loop is paused: nothing is done about silent peers' : 'the loop only observes',
      cause: `${modeBy} at ${when(modeSince)}${modeReason && `: ${modeReason}`}`,
      side: 'us',
      command: 'fedctl remediation resume',
    }),
  ]
}

function listeningAnew({ listeningSince, listeningReason }: RemediationStatus, now: Date, staleMs: number): Check[] {
  const ms = since(listeningSince, now)
  if (ms === undefined || ms > staleMs || listeningReason === 'started') return []
  return [
    warning('heartbeats.listening', {
      symptom: 'not_listening',
      summary: `we listen again only since ${lasting(ms)}: silence before that says nothing of peers`,
      cause: listeningReason,
      side: 'nobody',
    }),
  ]
}

function lastDecision({ remediations, peer }: PeerEvidence): Check[] {
  const last = remediations?.[0]
  if (!last || last.recoveredAt || peer?.state === PeerState.ACTIVE) return []
  if (last.action !== 'degraded' || peer?.state !== PeerState.DEGRADED)
    return [ok('heartbeats.remediation', `last decision: ${last.action} at ${when(last.decidedAt)}: ${last.detail}`)]
  return [
    warning('heartbeats.remediation', {
      symptom: 'degraded_by_probe',
      summary: `the loop degraded the peer at ${when(last.decidedAt)}: ${last.detail}`,
      cause: probed(last),
      side: 'them',
      command: `fedctl remediation show ${last.id}`,
    }),
  ]
}

const probed = ({ probes }: Remediation): string =>
  probes.map(({ url, detail }) => `${url}: ${detail}`).join('; ') || 'nothing was probed'
