import { matches, NOBODYS_SHA256, parseBearer } from './bearer.ts'
import { inSomeCidr } from './cidr.ts'
import type { AccessRequest, Axis, DecisionReason, Policy, PolicyGrant, Verdict } from './policy.ts'
import { residencyVerdict } from './residency.ts'
import { hasScope } from './scope.ts'
import { moment, shown } from './shown.ts'

/**
 * Whether a call may pass. Pure and total: the same three arguments give the same answer, whatever was decided before, and
 * there is an answer for any of them. What is not expressly allowed is refused.
 *
 * A secret is digested and compared whether or not there is a grant to compare it with, so the time taken does not tell
 * a grant that never was from one that was revoked.
 */
export function decide(policy: Policy, request: AccessRequest, atMs: number): Verdict {
  if (request.bearer === undefined || request.bearer === '')
    return refused('GRANT_MISSING', 'bearer', 'the call carries no bearer')
  const bearer = parseBearer(request.bearer)
  const grant = bearer && policy.grant(bearer.grantId)
  const isItsSecret = matches(bearer?.secret ?? '', grant?.secretSha256 ?? NOBODYS_SHA256)
  if (!bearer) return refused('GRANT_UNKNOWN', 'bearer', 'the bearer is not of the form fg-<grant id>.<secret>')
  const { grantId } = bearer
  if (!grant) return refused('GRANT_UNKNOWN', 'bearer', `there is no grant ${grantId}`, grantId)
  if (!isItsSecret) return refused('GRANT_UNKNOWN', 'bearer', `the secret is not the one of grant ${grantId}`, grantId)
  return decideWithGrant(policy, request, grant, atMs)
}

/** The same, once it is known which grant is meant: the bearer is not looked at. */
export function decideWithGrant(policy: Policy, request: AccessRequest, grant: PolicyGrant, atMs: number): Verdict {
  const asked: Asked = { policy, request, grant, atMs }
  for (const { reason, axis, objection } of CHECKS) {
    const detail = objection(asked)
    if (detail !== undefined) return refused(reason, axis, detail, grant.id)
  }
  const { id: grantId, resourceId: onlyId, expiresAtMs: untilMs } = grant
  const kind = policy.kind(request.kind)
  const residency = residencyVerdict(policy, {
    peerId: request.peerId,
    declared: request.declaredResidency,
    dataClass: kind?.dataClass ?? '',
    region: kind?.region ?? '',
  })
  if (residency.reason !== '' && !residency.allowed)
    return { ...refused(residency.reason, 'residency', residency.detail, grantId), residency, untilMs }
  const what = request.id === '' ? shown(request.kind) : `${shown(request.kind)} ${shown(request.id)}`
  const detail = `grant ${grantId} allows ${request.scope} of ${what}`
  return { allowed: true, reason: 'ALLOWED', axis: '', detail, grantId, onlyId, untilMs, residency }
}

/** The answer of a gateway whose lease on the policy has run out: what it holds may no longer be true. */
export function staleVerdict(): Verdict {
  return refused('POLICY_STALE', '', 'the policy of this gateway may be out of date, so it decides nothing')
}

type Asked = {
  readonly policy: Policy
  readonly request: AccessRequest
  readonly grant: PolicyGrant
  readonly atMs: number
}

type Check = {
  readonly axis: Axis
  readonly reason: DecisionReason
  /** Why the call may not pass, in a sentence; undefined: nothing against it on this axis. */
  readonly objection: (asked: Asked) => string | undefined
}

/** What is looked at after the bearer and before residency, in the order of AXES. */
const CHECKS: readonly Check[] = [
  {
    axis: 'peer',
    reason: 'GRANT_FOREIGN',
    objection: ({ request, grant }) =>
      request.peerId !== '' && grant.peerId === request.peerId
        ? undefined
        : `grant ${grant.id} is of peer ${grant.peerId}, and peer ${request.peerId} shows it`,
  },
  {
    axis: 'identity',
    reason: 'GRANT_NOT_BOUND',
    objection: ({ request, grant }) =>
      isBound(grant, request)
        ? undefined
        : `the grant is not for the certificate of ${shown(request.presentedIdentity)} with SHA-256 ${shown(request.certificateSha256)}`,
  },
  {
    axis: 'lifetime',
    reason: 'GRANT_REVOKED',
    // Whatever the moment: a clock that is behind does not bring a revoked grant back.
    objection: ({ grant }) => (grant.revokedAtMs === 0 ? undefined : `revoked at ${moment(grant.revokedAtMs)}`),
  },
  {
    axis: 'lifetime',
    reason: 'GRANT_EXPIRED',
    objection: ({ grant, atMs }) => (atMs < grant.expiresAtMs ? undefined : `over since ${moment(grant.expiresAtMs)}`),
  },
  {
    axis: 'lifetime',
    reason: 'GRANT_EXPIRED',
    objection: ({ grant, atMs }) =>
      atMs >= grant.notBeforeMs ? undefined : `not good before ${moment(grant.notBeforeMs)}`,
  },
  {
    axis: 'kind',
    reason: 'SCOPE_MISMATCH',
    objection: ({ request, grant }) =>
      request.kind !== '' && grant.resourceKind === request.kind
        ? undefined
        : `the grant is for ${shown(grant.resourceKind)}, not for ${shown(request.kind)}`,
  },
  {
    axis: 'kind',
    reason: 'KIND_UNKNOWN',
    objection: ({ policy, request }) =>
      policy.kind(request.kind) ? undefined : `nobody here serves the kind ${shown(request.kind)}`,
  },
  {
    axis: 'id',
    reason: 'SCOPE_MISMATCH',
    // Whoever may read one may ask for all, and is shown the one (Verdict.onlyId).
    objection: ({ request, grant }) =>
      grant.resourceId === '' || grant.resourceId === request.id || (request.id === '' && request.scope === 'read')
        ? undefined
        : `the grant is for ${shown(grant.resourceId)}, not for ${request.id === '' ? 'all of the kind' : shown(request.id)}`,
  },
  {
    axis: 'scope',
    reason: 'SCOPE_MISMATCH',
    objection: ({ request, grant }) =>
      hasScope(grant.scopes, request.scope) ? undefined : `the grant does not have the scope ${shown(request.scope)}`,
  },
  {
    axis: 'instance',
    reason: 'SCOPE_MISMATCH',
    objection: ({ policy, request: { nodeInstanceId }, grant: { nodeInstanceIds } }) =>
      axisObjection(policy, nodeInstanceIds, nodeInstanceId, includes(nodeInstanceIds, nodeInstanceId)),
  },
  {
    axis: 'network',
    reason: 'SCOPE_MISMATCH',
    objection: ({ policy, request: { sdwanNetworkId }, grant: { sdwanNetworkIds } }) =>
      axisObjection(policy, sdwanNetworkIds, sdwanNetworkId, includes(sdwanNetworkIds, sdwanNetworkId)),
  },
  {
    axis: 'bridge',
    reason: 'SCOPE_MISMATCH',
    objection: ({ policy, request: { peerId, sdwanNetworkId } }) => {
      if (sdwanNetworkId === '') return undefined
      const state = policy.bridgeState(peerId, sdwanNetworkId)
      if (state === 'active') return undefined
      return `the bridge of the peer to network ${shown(sdwanNetworkId)} ${state === undefined ? 'does not exist' : `is ${state}`}`
    },
  },
  {
    axis: 'source',
    reason: 'SCOPE_MISMATCH',
    objection: ({ policy, request: { sourceAddress }, grant: { sourceCidrs } }) =>
      isAny(sourceCidrs)
        ? axisObjection(policy, sourceCidrs, sourceAddress, true)
        : axisObjection(policy, sourceCidrs, sourceAddress, inSomeCidr(sourceCidrs, sourceAddress)),
  },
]

/** With no identity named, the one the peer is enrolled with; else one of those named, and no other, not even that one. */
function isBound({ boundIdentities }: PolicyGrant, request: AccessRequest): boolean {
  const { presentedIdentity: presented, certificateSha256: sha256 } = request
  if (boundIdentities.length === 0) return presented !== '' && presented === request.enrolledIdentity
  return (
    (presented !== '' && boundIdentities.includes(presented)) ||
    (sha256 !== '' && boundIdentities.includes(`x5t#S256:${sha256}`))
  )
}

const isAny = (axis: readonly string[]): boolean => axis.length === 0 || (axis.length === 1 && axis[0] === '*')

/** "*" beside other values is a value like them, and no call may say it. */
const includes = (axis: readonly string[], said: string): boolean => said !== '' && said !== '*' && axis.includes(said)

function axisObjection(
  { strictAxes }: Policy,
  axis: readonly string[],
  said: string,
  isMet: boolean,
): string | undefined {
  if (axis.length === 0)
    return strictAxes ? 'the grant leaves the axis empty, and this platform wants it said' : undefined
  if (isAny(axis) || isMet) return undefined
  return said === ''
    ? 'the grant restricts the axis, and the call says nothing on it'
    : `the grant does not cover ${shown(said)}`
}

function refused(reason: DecisionReason, axis: Axis | '', detail: string, grantId = ''): Verdict {
  return { allowed: false, reason, axis, detail, grantId, onlyId: '', untilMs: 0, residency: undefined }
}
