/* oxlint-disable mesh/names -- modules as a whole: a function that has no row here does not compile */
import { create } from '@bufbuild/protobuf'
import { CertificateSchema, RotationSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import * as registryAcceptances from '../../../services/peer-registry/src/events/acceptances.ts'
import * as registryNotices from '../../../services/peer-registry/src/events/notices.ts'
import * as registry from '../../../services/peer-registry/src/events.ts'
import { NOTHING_SAID } from '../../../services/peer-registry/src/description.ts'
import type { Invitation } from '../../../services/peer-registry/src/invitation.ts'
import { UNBEGUN, type AcceptanceRun } from '../../../services/peer-registry/src/acceptance-run.ts'
import { declared, OWED } from '../../../services/peer-registry/src/notice.ts'
import { PEER_STATES, type Peer } from '../../../services/peer-registry/src/peer.ts'
import { AT, PEER, ID, LATER, DIGEST, BY, saying, type News } from './saying.ts'

/** Every way in which peer-registry makes news, once for each word it can say. */
export const PEER_REGISTRY: News = {
  'peer-registry/events.ts': saying(registry, {
    peerMoved: async (tx) => {
      for (const state of PEER_STATES) {
        const after = { ...peer, state }
        await registry.peerMoved(tx, BY, { before: state === 'proposed' ? undefined : peer, after, move: 'accept' })
      }
    },
    versionsReassessed: (tx) =>
      registry.versionsReassessed(tx, BY, [{ before: peer, after: { ...peer, state: 'degraded' } }]),
    peerChanged: async (tx) => {
      await registry.peerChanged(tx, BY, peer, ['endpoints'])
      await registry.peerChanged(tx, BY, peer, ['data_residency'])
    },
    invitationChanged: async (tx) => {
      for (const word of ['created', 'redeemed', 'revoked', 'expired'] as const)
        await registry.invitationChanged(tx, BY, { invitation, word, at: AT })
    },
    rotationMoved: async (tx) => {
      const rotation = create(RotationSchema, { id: ID })
      for (const word of ['planned', 'published', 'switched', 'retired', 'cancelled'] as const)
        await registry.rotationMoved(tx, BY, { rotation, word, at: AT })
    },
    certificateChanged: async (tx) => {
      for (const peerId of ['', PEER])
        for (const word of ['issued', 'revoked'] as const)
          await registry.certificateChanged(tx, BY, { certificate: create(CertificateSchema, { serial: 'ab', peerId }), word, at: AT }) // prettier-ignore
    },
  }),
  'peer-registry/events/acceptances.ts': saying(registryAcceptances, {
    acceptanceMoved: async (tx) => {
      for (const state of ['running', 'done', 'warned', 'failed'] as const)
        await registryAcceptances.acceptanceMoved(tx, { ...acceptance, state }, AT)
    },
  }),
  'peer-registry/events/notices.ts': saying(registryNotices, {
    noticeDeclared: (tx) => registryNotices.noticeDeclared(tx, BY, notice),
    noticeReceived: (tx) =>
      registryNotices.noticeReceived(tx, BY, { ...notice, direction: 'received', peerId: PEER, receivedAt: AT }, AT),
    noticeSettled: async (tx) => {
      for (const status of ['delivered', 'given_up'] as const)
        await registryNotices.noticeSettled(tx, 'compromise', { ...OWED, noticeId: ID, peerId: PEER, status }, AT)
    },
  }),
}

const acceptance: AcceptanceRun = {
  id: ID,
  state: 'running',
  requestedBy: BY.actor,
  correlationId: '',
  traceparent: '',
  request: Buffer.alloc(0),
  tokenSealed: null,
  peerId: PEER,
  contractVersionAgreed: 1,
  steps: UNBEGUN,
  nodeEnrollment: null,
  attachTo: { networkId: null, nodeInstanceId: null },
  sdwanAttach: { status: 'skipped', reason: 'no_overlay_network' },
  governance: { status: 'scanned', findings: [], unread: [] },
  failureReason: '',
  failureMessage: '',
  next: '',
  startedAt: AT,
  finishedAt: null,
  dueAt: AT,
}

const notice = declared(
  { summary: 'broken into', affected: ['keys'], advice: '', discoveredAt: AT },
  { id: ID, by: BY.actor, at: AT },
)

const peer: Peer = {
  ...NOTHING_SAID,
  id: PEER,
  name: 'berlin',
  state: 'accepted',
  suspendedFrom: null,
  reason: 'why',
  since: AT,
  kind: 'platform',
  spawnMode: 'autonomous_peer',
  spawnRole: 'symmetric',
  trustMode: 'symmetric',
  weRedeem: false,
  url: 'https://b.example',
  platformId: null,
  identityKey: null,
  trustDomain: 'b.example',
  caPin: null,
  trustBundle: null,
  trustBundleSequence: 0,
  acknowledgedBundleSequence: 0,
  trustReceipt: null,
  certificateChain: [],
  certificateKeySealed: null,
  certificateExpiresAt: null,
  remotePeerId: null,
  previousPeerId: null,
  parentPeerId: null,
  accountId: null,
  remoteAccountId: null,
  environmentId: null,
  remoteInstanceId: null,
  contractVersion: 1,
  contractWindow: null,
  features: [],
  timers: { heartbeatIntervalMs: 60_000, staleAfterMs: 300_000, staleAfterMostMs: 3_600_000 },
  metadata: {},
  createdAt: AT,
  updatedAt: AT,
  acceptedAt: AT,
  enrolledAt: null,
  revokedAt: null,
  notifiedAt: null,
  adoptionOffered: null,
  adoptionOfferedByPeer: null,
  relationshipSequence: 0,
  peerRelationshipSequence: 0,
  versionStatus: '',
  refusedKinds: [],
  revision: 1,
}

const invitation: Invitation = {
  id: ID,
  peerId: PEER,
  name: '',
  note: '',
  tokenDigest: DIGEST,
  createdBy: 'operator/alice',
  createdAt: AT,
  expiresAt: LATER,
  redeemedAt: null,
  redeemedBy: null,
  acceptanceDigest: null,
  answer: null,
  revokedAt: null,
  expiredAt: null,
  bootBound: false,
}
