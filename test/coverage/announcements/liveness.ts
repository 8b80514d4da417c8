/* oxlint-disable mesh/names -- modules as a whole: a function that has no row here does not compile */
import { create } from '@bufbuild/protobuf'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import * as liveness from '../../../services/liveness/src/events.ts'
import * as findings from '../../../services/liveness/src/events/findings.ts'
import type { Remediation } from '../../../services/liveness/src/diary.ts'
import * as remediation from '../../../services/liveness/src/events/remediation.ts'
import type { Signal } from '../../../services/liveness/src/remediation/signal.ts'
import { DEFAULTS } from '../../../services/liveness/src/remediation/types.ts'
import type { Status } from '../../../services/liveness/src/wire-remediation.ts'
import * as reviews from '../../../services/liveness/src/events/reviews.ts'
import type { Finding } from '../../../services/liveness/src/findings/finding.ts'
import { unheard } from '../../../services/liveness/src/freshness.ts'
import { LIST_KEYS, listOf, type Review } from '../../../services/liveness/src/review-lists/review.ts'
import { AT, PEER, ID, saying, type News } from './saying.ts'

/** Every way in which liveness makes news, once for each word it can say. */
export const LIVENESS: News = {
  'liveness/events.ts': saying(liveness, {
    peerHeard: () => liveness.peerHeard(freshness, AT),
    peerSilent: () => liveness.peerSilent(freshness, AT),
    peerDescribed: () => liveness.peerDescribed(freshness, create(PlatformDescriptionSchema), AT),
    peerBundleOutdated: () => liveness.peerBundleOutdated(freshness, AT),
    peerRestored: () => liveness.peerRestored(freshness, freshness, AT),
    platformRestored: () =>
      liveness.platformRestored({ peerId: PEER, previousEpoch: 1n, rememberedEpoch: 3n, epoch: 4n }, AT),
  }),
  'liveness/events/findings.ts': saying(findings, {
    findingOpened: () =>
      (['low', 'medium', 'high', 'critical'] as const).map((severity) =>
        findings.findingOpened({ ...finding, severity }, AT),
      ),
    findingClosed: () => findings.findingClosed({ ...finding, closedAt: AT }, AT),
    findingAcknowledged: () => findings.findingAcknowledged(finding, AT, 'operator/alice'),
  }),
  'liveness/events/remediation.ts': saying(remediation, {
    signalOpened: () =>
      (['medium', 'high'] as const).map((severity) => remediation.signalOpened({ ...signal, severity }, AT)),
    signalClosed: () => remediation.signalClosed({ ...signal, closedAt: AT }, AT),
    peerUnreachable: () => remediation.peerUnreachable({ entry, severity: 'high' }, freshness, AT),
    peerRehandshaked: () => remediation.peerRehandshaked({ entry: { ...entry, action: 'rehandshaked' }, severity: 'high' }, AT), // prettier-ignore
    certRotationRequired: () =>
      (['medium', 'high'] as const).map((severity) =>
        remediation.certRotationRequired({ entry: { ...entry, reason: 'cert_expiring' }, severity }, signal, AT),
      ),
    remediationDecided: () =>
      (['medium', 'high', 'critical'] as const).map((severity) =>
        remediation.remediationDecided({ entry, severity }, AT),
      ),
    breakerOpened: () => remediation.breakerOpened({ platformId: ID, status }, AT),
    breakerClosed: () => remediation.breakerClosed({ platformId: ID, status }, AT),
    listeningAnew: () => remediation.listeningAnew({ platformId: ID, status }, AT),
    remediationModeSet: () => remediation.remediationModeSet({ platformId: ID, status, actor: 'operator/alice' }, AT),
  }),
  'liveness/events/reviews.ts': saying(reviews, {
    reviewed: () =>
      LIST_KEYS.map((key) => reviews.reviewed(review, listOf(key, [{ ...reviewItem, subject: key }]), AT)),
    reviewCompleted: () => [
      reviews.reviewCompleted(review, AT),
      reviews.reviewCompleted({ ...review, lists: [{ ...listOf('unused_grants', []), count: 11 }] }, AT),
    ],
  }),
}

const review: Review = {
  id: ID,
  trigger: 'weekly',
  requestedBy: 'service/liveness',
  startedAt: AT,
  completedAt: AT,
  lists: [],
  unread: [],
  archivedGrants: 0,
}

/** A review names several peers, and its news is of the platform: that of none of them. */
const reviewItem = { peerId: ID, subject: '', message: '', suggestion: '', command: '' }

const finding: Finding = {
  id: ID,
  kind: 'peer_capability_drift',
  severity: 'medium',
  peerId: PEER,
  about: '',
  message: 'it names extensions and says of none what it can do',
  remedy: 'ask its operator',
  waitingOn: 'them',
  payload: { status: 'active' },
  openedAt: AT,
  updatedAt: AT,
  closedAt: null,
  reopenedAt: null,
  missingSince: null,
  acknowledgedBy: 'operator/alice',
  acknowledgedAt: AT,
  note: 'known',
}

const signal: Signal = {
  id: ID,
  peerId: PEER,
  reason: 'cert_expiring',
  severity: 'high',
  fingerprint: 'x',
  detail: 'it ends soon',
  certificate: 'leaf 07',
  peerState: 'active',
  lastHeartbeatAt: AT,
  openedAt: AT,
  lastSeenAt: AT,
  closedAt: null,
  troubleSince: AT,
  nextLookAt: AT,
  seen: 2,
  patienceUsed: 0,
  looks: 0,
  escalation: 0,
  calmSince: null,
  remediationId: null,
  askedId: null,
  approvalId: null,
}

const entry: Remediation = {
  id: ID,
  peerId: PEER,
  signalId: ID,
  reason: 'heartbeat_stale',
  decidedAt: AT,
  verb: 'notify_and_proceed',
  mode: 'acting',
  action: 'degraded',
  whyHeld: '',
  wouldHave: '',
  detail: 'no endpoint answers',
  inputs: { peer_state: 'active' },
  probes: [],
  reachable: false,
  approvalId: null,
  finishedAt: AT,
  recoveredAt: null,
  actor: 'service/liveness',
}

const status: Status = {
  mode: 'acting',
  modeReason: '',
  modeBy: '',
  modeSince: null,
  breaker: { since: AT, reason: '7 of 10 peers are late at once', calmTicks: 0 },
  latest: [], // they are several, and the news is of the platform: that of none of them
  late: 7,
  watched: 10,
  tickTookMs: 3,
  settings: DEFAULTS,
  degradedLately: 0,
  openSignals: 7,
  listening: { since: AT, reason: 'started', tickedAt: AT },
}

const freshness = { ...unheard(PEER, 300_000), lastHeardAt: AT }
