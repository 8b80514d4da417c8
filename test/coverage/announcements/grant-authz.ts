/* oxlint-disable mesh/names -- modules as a whole: a function that has no row here does not compile */
import * as approvals from '../../../services/grant-authz/src/events/approvals.ts'
import * as operators from '../../../services/grant-authz/src/events/operators.ts'
import * as residency from '../../../services/grant-authz/src/events/residency.ts'
import * as resources from '../../../services/grant-authz/src/events/resources.ts'
import * as grants from '../../../services/grant-authz/src/events.ts'
import type { Approval } from '../../../services/grant-authz/src/approval.ts'
import type { ApprovalPolicy } from '../../../services/grant-authz/src/approval-policy.ts'
import type { Bridge } from '../../../services/grant-authz/src/bridge.ts'
import type { Capability } from '../../../services/grant-authz/src/capability.ts'
import type { Grant } from '../../../services/grant-authz/src/grant.ts'
import type { Operator, Role } from '../../../services/grant-authz/src/operator.ts'
import type { Override } from '../../../services/grant-authz/src/override.ts'
import type { Residency, ResidencyRule } from '../../../services/grant-authz/src/residency.ts'
import type { Resource } from '../../../services/grant-authz/src/resource.ts'
import { AT, PEER, ID, LATER, DIGEST, CAUSE, ASKED, saying, type News } from './saying.ts'

/** Every way in which grant-authz makes news, once for each word it can say. */
export const GRANT_AUTHZ: News = {
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
}

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
  ownVerb: null,
  ownApprovers: null,
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
