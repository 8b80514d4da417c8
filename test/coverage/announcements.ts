/* oxlint-disable mesh/names -- modules as a whole: a function that has no row here does not compile */
import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { CertificateSchema, RotationSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import * as alarms from '../../services/audit-ledger/src/events/alarms.ts'
import * as erasures from '../../services/audit-ledger/src/events/erasures.ts'
import * as mirror from '../../services/audit-ledger/src/events/mirror.ts'
import type { Alarm } from '../../services/audit-ledger/src/alarm.ts'
import * as approvals from '../../services/grant-authz/src/events/approvals.ts'
import * as operators from '../../services/grant-authz/src/events/operators.ts'
import * as residency from '../../services/grant-authz/src/events/residency.ts'
import * as resources from '../../services/grant-authz/src/events/resources.ts'
import * as grants from '../../services/grant-authz/src/events.ts'
import type { Approval } from '../../services/grant-authz/src/approval.ts'
import type { ApprovalPolicy } from '../../services/grant-authz/src/approval-policy.ts'
import type { Bridge } from '../../services/grant-authz/src/bridge.ts'
import type { Capability } from '../../services/grant-authz/src/capability.ts'
import type { Grant } from '../../services/grant-authz/src/grant.ts'
import type { Operator, Role } from '../../services/grant-authz/src/operator.ts'
import type { Override } from '../../services/grant-authz/src/override.ts'
import type { Residency, ResidencyRule } from '../../services/grant-authz/src/residency.ts'
import type { Resource } from '../../services/grant-authz/src/resource.ts'
import * as liveness from '../../services/liveness/src/events.ts'
import { unheard } from '../../services/liveness/src/freshness.ts'
import * as registry from '../../services/peer-registry/src/events.ts'
import { NOTHING_SAID } from '../../services/peer-registry/src/description.ts'
import type { Invitation } from '../../services/peer-registry/src/invitation.ts'
import { PEER_STATES, type Peer } from '../../services/peer-registry/src/peer.ts'

export const AT = new Date('2026-03-01T12:00:00.000Z')
export const PEER = '019f0000-0000-7000-8000-00000000beef'
const ID = '019f0000-0000-7000-8000-000000000001'
const LATER = new Date(AT.getTime() + 86_400_000)
const DIGEST = Buffer.alloc(32, 1)

/** What a service says: made by a function of its `events`, which queues it itself (in whatever schema), or returns it to be queued. */
type Made = (tx: never) => Promise<unknown> | Announcement | readonly Announcement[]

/** Every way in which any service makes news, once for each word it can say. A function that is not here fails the test. */
export const ANNOUNCED: Readonly<Record<string, Readonly<Record<string, Made>>>> = {
  'peer-registry/events.ts': saying(registry, {
    peerMoved: async (tx) => {
      for (const state of PEER_STATES) {
        const after = { ...peer, state }
        await registry.peerMoved(tx, BY, { before: state === 'proposed' ? undefined : peer, after, move: 'accept' })
      }
    },
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
  'liveness/events.ts': saying(liveness, {
    peerHeard: () => liveness.peerHeard(freshness, AT),
    peerSilent: () => liveness.peerSilent(freshness, AT),
    peerDescribed: () => liveness.peerDescribed(freshness, create(PlatformDescriptionSchema), AT),
    peerBundleOutdated: () => liveness.peerBundleOutdated(freshness, AT),
    peerRestored: () => liveness.peerRestored(freshness, freshness, AT),
    platformRestored: () =>
      liveness.platformRestored({ peerId: PEER, previousEpoch: 1n, rememberedEpoch: 3n, epoch: 4n }, AT),
  }),
  'grant-authz/events.ts': saying(grants, {
    grantIssued: () => grants.grantIssued(grant, AT, CAUSE),
    grantChanged: () => grants.grantChanged(grant, AT, { ...CAUSE, changed: ['scopes'] }),
    grantRenewed: () => grants.grantRenewed(grant, AT, CAUSE),
    grantRevoked: () => grants.grantRevoked(grant, AT, CAUSE),
    grantExpiring: () => grants.grantExpiring(grant, AT, CAUSE),
    grantArchived: () => grants.grantArchived({ ...grant, revokedAt: AT, revocationReason: 'over' }, AT, CAUSE),
    bridgeMoved: () =>
      (['proposed', 'active', 'suspended', 'revoked'] as const).map((state) =>
        grants.bridgeMoved({ ...bridge, state }, AT, { ...CAUSE, previous: 'proposed' }),
      ),
    capabilityChanged: () =>
      (['set', 'removed'] as const).map((word) => grants.capabilityChanged(capability, AT, { ...CAUSE, word })),
  }),
  'grant-authz/events/approvals.ts': saying(approvals, {
    approvalMoved: () =>
      (['requested', 'approved', 'rejected', 'timed-out', 'executed', 'failed', 'proceeded'] as const).map((word) =>
        approvals.approvalMoved(word, approval, { at: AT, actor: 'operator/alice' }),
      ),
    policySet: () => approvals.policySet(policy, { at: AT, by: ASKED, before: policy }),
    autonomyChanged: () =>
      [true, false].map((halted) =>
        approvals.autonomyChanged({ halted, reason: '', setBy: '', since: AT }, { at: AT, by: ASKED }),
      ),
  }),
  'grant-authz/events/operators.ts': saying(operators, {
    operatorSet: () => [
      operators.operatorSet({ after: operator, roles: [role] }, AT, CAUSE),
      operators.operatorSet({ after: { ...operator, roles: [role.name] }, roles: [role] }, AT, CAUSE),
    ],
    operatorRemoved: () => operators.operatorRemoved({ before: operator, roles: [role] }, AT, CAUSE),
    tokenIssued: () => operators.tokenIssued(operator, [role], AT, CAUSE),
    roleChanged: () =>
      (['role-set', 'role-removed'] as const).map((word) => operators.roleChanged(role, word, AT, CAUSE)),
  }),
  'grant-authz/events/residency.ts': saying(residency, {
    residencySet: () => residency.residencySet(tag, tag, { at: AT, by: ASKED }),
    residencyDeclared: () =>
      (['outside', 'back', 'inside'] as const).map((news) =>
        residency.residencyDeclared(tag, tag, { news, at: AT, by: ASKED }),
      ),
    ruleChanged: () =>
      (['rule-set', 'rule-removed'] as const).flatMap((word) =>
        [PEER, undefined].map((peerId) => residency.ruleChanged(word, { ...rule, peerId }, { at: AT, by: ASKED })),
      ),
    regionsChanged: () => residency.regionsChanged({ settings }, { at: AT, by: ASKED }),
    defaultsChanged: () => residency.defaultsChanged(settings, { at: AT, by: ASKED }),
    overrideChanged: () =>
      (['overridden', 'override-used', 'override-revoked'] as const).map((word) =>
        residency.overrideChanged(word, override, { at: AT, by: ASKED }),
      ),
  }),
  'grant-authz/events/resources.ts': saying(resources, {
    resourceChanged: () =>
      (['put', 'updated', 'removed'] as const).flatMap(
        (word) =>
        [PEER, undefined].map((peerId) => resources.resourceChanged(word, resource, { changed: ['a'], at: AT, by: ASKED, peerId })), // prettier-ignore
      ),
  }),
  'audit-ledger/events/alarms.ts': saying(alarms, {
    forkDetected: (tx) => alarms.forkDetected(tx, alarm),
    alarmSettled: (tx) => alarms.alarmSettled(tx, alarm, { actor: 'operator/alice', note: 'looked', at: AT }),
  }),
  'audit-ledger/events/erasures.ts': saying(erasures, {
    entriesErased: async (tx) => {
      for (const log of [PEER, 'platform']) await erasures.entriesErased(tx, { ...ERASED, log, sequences: [1] })
    },
    logPruned: async (tx) => {
      for (const log of [PEER, 'platform']) await erasures.logPruned(tx, { ...ERASED, log, below: 256 })
    },
  }),
  'audit-ledger/events/mirror.ts': saying(mirror, {
    logRecovered: (tx) => mirror.logRecovered(tx, { peerId: PEER, from: 1, to: 2, at: AT }),
    logsReconciled: (tx) => mirror.logsReconciled(tx, PEER, compared, AT),
    differencesFound: (tx) => mirror.differencesFound(tx, PEER, { compared, differences: [] }, AT),
  }),
}

/** One row for each function of a module that makes news; the compiler asks for it. */
function saying<M extends object>(
  _module: M,
  rows: Record<{ [K in keyof M]: M[K] extends (...args: never[]) => unknown ? K : never }[keyof M] & string, Made>,
): Readonly<Record<string, Made>> {
  return rows
}

const BY = { actor: 'operator/alice', requestId: 'request-1' }
const CAUSE = { actor: 'operator/alice', correlationId: 'request-1', traceparent: '' }
const ASKED = { actor: 'operator/alice', requestId: 'request-1', traceparent: '' }
const ERASED = { reason: 'asked for', actor: 'operator/alice', at: AT }

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
  timers: { heartbeatIntervalMs: 60_000, staleAfterMs: 300_000 },
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
}

const freshness = { ...unheard(PEER, 300_000), lastHeardAt: AT }

const grant: Grant = {
  id: ID,
  peerId: PEER,
  remoteSubject: 'x',
  resourceKind: 'NodeInstance',
  resourceId: '',
  scopes: ['read'],
  nodeInstanceIds: ['*'],
  sdwanNetworkIds: ['*'],
  sourceCidrs: ['*'],
  boundIdentities: [],
  secretSha256: DIGEST,
  issuedAt: AT,
  issuedBy: 'operator/alice',
  ttlMs: 86_400_000,
  expiresAt: LATER,
  renewedAt: null,
  revokedAt: null,
  revokedBy: '',
  revocationReason: '',
  endedAt: null,
  archivedAt: null,
  remindedAt: null,
  deliveredAt: null,
  lastChangedAt: AT,
  metadata: {},
  revision: 1,
}

const bridge: Bridge = {
  id: ID,
  peerId: PEER,
  sdwanNetworkId: ID,
  state: 'proposed',
  proposedAt: AT,
  activatedAt: null,
  suspendedAt: null,
  revokedAt: null,
  revocationReason: '',
  metadata: {},
  revision: 1,
}

const capability: Capability = {
  peerId: PEER,
  resourceKind: 'skill',
  direction: 'bidirectional',
  policy: 'manual',
  conflictResolution: 'prompt',
  filter: {},
  setBy: 'operator/alice',
  setAt: AT,
}

const approval: Approval = {
  id: ID,
  action: 'sdwan.federation_peer_propose',
  state: 'pending',
  summary: '',
  effects: [],
  planType: '',
  plan: Buffer.alloc(0),
  planSha256: DIGEST,
  owner: 'service/peer-registry',
  requestedBy: 'operator/alice',
  requestedAt: AT,
  expiresAt: LATER,
  approversNeeded: 1,
  autonomous: false,
  peerId: PEER,
  requestId: 'request-1',
  decidedAt: null,
  executedAt: null,
  failureReason: '',
  failureMessage: '',
  votes: [],
}

const policy: ApprovalPolicy = {
  action: 'sdwan.federation_peer_propose',
  verb: 'require_approval',
  approvers: 1,
  description: '',
  setBy: '',
  setAt: null,
}

const operator: Operator = {
  name: 'bob',
  kind: 'person',
  roles: [],
  paused: false,
  note: '',
  oidcSubjects: [],
  setBy: 'operator/alice',
  setAt: AT,
}

const role: Role = { name: 'chief', permissions: ['system.operators.manage'], builtIn: false }

const tag: Residency = {
  peerId: PEER,
  tag: 'eu',
  mode: 'enforce',
  reason: '',
  setBy: 'operator/alice',
  setAt: AT,
  located: '',
  declared: '',
  announced: [],
}

const rule: ResidencyRule = { id: ID, peerId: PEER, dataClass: '*', allowedRegions: ['eu'], mode: '' }
const settings = { defaultMode: 'off', homeRegion: undefined, begun: true } as const

const override: Override = {
  id: ID,
  peerId: PEER,
  resourceKind: 'skill',
  resourceId: '',
  reason: 'needed',
  createdBy: 'operator/alice',
  createdAt: AT,
  expiresAt: LATER,
  decisionId: undefined,
  usedAt: undefined,
  revokedAt: undefined,
}

const resource: Resource = {
  kind: 'skill',
  id: ID,
  record: {},
  region: undefined,
  dataClass: '',
  revision: 1,
  updatedAt: AT,
  removedAt: undefined,
}

const alarm: Alarm = {
  id: ID,
  peerId: PEER,
  whose: 'theirs',
  kind: 'fork',
  detail: 'two roots',
  firstNote: '',
  secondNote: '',
  at: AT,
  settled: undefined,
}

const COUNTS = { matched: 1, missing_here: 0, missing_there: 0, differing: 0, repeated: 0, pending: 0, unsent: 0, uncompared: 0 } // prettier-ignore
const compared = { since: AT, until: LATER, counts: COUNTS, openSince: AT, heldSize: 1, witnessedSize: 1 }
