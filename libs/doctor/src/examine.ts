import { create } from '@bufbuild/protobuf'
import type { AcceptanceRun } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { FreshnessSchema } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { PeerSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { skipped, warning } from './check.ts'
import { approvalChecks } from './checks/approvals.ts'
import { clockChecks } from './checks/clock.ts'
import { contractChecks } from './checks/contract.ts'
import { acceptanceChecks, findingChecks } from './checks/governance.ts'
import { grantChecks } from './checks/grants.ts'
import { heartbeatChecks } from './checks/heartbeats.ts'
import { alarmChecks, ledgerChecks } from './checks/ledger.ts'
import { networkChecks, runChecks } from './checks/network.ts'
import { degradedPeers, peeringChecks } from './checks/peering.ts'
import { loopChecks, remediationChecks } from './checks/remediation.ts'
import { roadChecksForPeer } from './checks/road.ts'
import { reasonIn } from './reason-in.ts'
import { replicationChecks } from './checks/replication.ts'
import { answerChecks } from './checks/services.ts'
import { tokenChecks } from './checks/tokens.ts'
import { ownVersionChecks, versionChecks } from './checks/versions.ts'
import { servicesChecks } from './checks/vitals.ts'
import type { PeerEvidence, PlatformEvidence, Road, Theirs } from './evidence.ts'
import { DAY_MS, since } from './moments.ts'
import { fromThem } from './verdict.ts'

/** All that our own records say of a peering, but for the road. Pure and total. */
export const peerChecks = (evidence: PeerEvidence): Check[] => [
  ...answerChecks(evidence.unread),
  ...peeringChecks(evidence),
  ...approvalChecks(evidence),
  ...tokenChecks(evidence),
  ...contractChecks(evidence),
  ...clockChecks(evidence),
  ...heartbeatChecks(evidence),
  ...remediationChecks(evidence),
  ...versionChecks(evidence),
  ...grantChecks(evidence),
  ...networkChecks(evidence),
  ...replicationChecks(evidence),
  ...ledgerChecks(evidence),
  ...findingChecks(evidence.findings),
  ...acceptanceChecks(evidence.acceptance),
]

/**
 * What the other side is told of the two of us: what concerns the peering, and nothing of our own house, nor the words of
 * our operators and of our network, which may say more than it should know; nor how many other peers we have.
 */
export const checksForPeer = (whole: PeerEvidence, road: Road): Check[] => {
  const evidence = withoutOurWords(whole)
  return [
    ...peeringChecks(evidence),
    ...contractChecks(evidence),
    ...clockChecks(evidence),
    ...heartbeatChecks(evidence),
    ...versionChecks(evidence),
    ...ledgerChecks({ ...evidence, alarms: [] }),
    ...roadChecksForPeer(road, evidence.peer),
  ]
}

function withoutOurWords(whole: PeerEvidence): PeerEvidence {
  const { peer, freshness, compatibility, others: _others, ...evidence } = whole
  return {
    ...evidence,
    // Why a rule was written is between us; what N-1 says of two versions both sides know.
    ...(compatibility && {
      compatibility: compatibility.source === 'implicit' ? compatibility : { ...compatibility, notes: '' },
    }),
    ...(peer && { peer: create(PeerSchema, { ...peer, reason: '', openItems: [] }) }),
    ...(freshness && {
      freshness: create(FreshnessSchema, { ...freshness, lastError: theirAnswer(freshness.lastError) }),
    }),
    ...(freshness === null && { freshness }),
  }
}

/**
 * What its own door answered our beats with. How else they failed, it is not told: a beat goes to the addresses that it advertises,
 * so another reason for each kind of failure would be another way to have us look around our network.
 */
function theirAnswer(lastError: string): string {
  if (lastError === '') return ''
  const reason = reasonIn(lastError) ?? ''
  return THEIR_WORDS.includes(reason) ? reason : 'PEER_UNREACHABLE'
}

const THEIR_WORDS: readonly string[] = [
  'RATE_LIMITED',
  'PEER_SUSPENDED',
  'PEER_REVOKED',
  'PEER_UNKNOWN',
  'PEER_NOT_ENROLLED',
  'VERSION_INCOMPATIBLE',
  'CERTIFICATE_NOT_TRUSTED',
]

/** The other half of the examination. A side that cannot be asked is a finding too. */
export function theirChecks(theirs: Theirs, peerId: string): Check[] {
  if ('checks' in theirs) return fromThem(theirs.checks, peerId)
  if (theirs.silent.startsWith('DIAGNOSIS_TOO_OFTEN'))
    return [skipped('services.other_end', 'the other side was asked a moment ago, and answers once in ten seconds')]
  return [
    warning('services.other_end', {
      symptom: 'other_end_silent',
      summary: 'the other side could not be asked how it sees the peering',
      cause: theirs.silent,
      side: 'them',
      command: 'fedctl doctor peer <peer>',
    }),
  ]
}

/** Our own platform. Pure and total. */
export const platformChecks = (evidence: PlatformEvidence): Check[] => [
  ...servicesChecks(evidence.services, evidence.now),
  ...ownVersionChecks(evidence.versions),
  ...degradedPeers(evidence.degraded),
  ...approvalChecks(evidence),
  ...(evidence.listening
    ? loopChecks(evidence.listening, evidence.now)
    : [skipped('heartbeats.loop', 'liveness did not say how its loop stands')]),
  ...alarmChecks(evidence.alarms ?? []),
  ...runChecks(evidence.runs ?? []),
  ...findingChecks(evidence.findings),
  ...(evidence.acceptances ?? []).slice(0, 1).filter(isOfConcern(evidence.now)).flatMap(acceptanceChecks),
]

/** What failed yesterday was seen by whoever tried, and a new invitation is a new try; what is left to be done stays. */
const isOfConcern =
  (now: Date) =>
  ({ state, startedAt }: AcceptanceRun): boolean =>
    state !== 'failed' || (since(startedAt, now) ?? 0) <= DAY_MS
