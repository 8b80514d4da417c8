import { WIRE } from '@powernode/policy'
import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import type { Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { moment } from '../render/time.ts'
import { anyOf, AXES, whatWasAsked } from './asked.ts'
import type { Case, Explanation } from './explanation.ts'
import { residencyReason } from './residency-reason.ts'

type Reason = Pick<Explanation, 'because' | 'says' | 'next'>

/** Why a call of a peer to us was allowed or refused: our own grants and rules, said in full. */
export function explainIn(found: Case): Explanation {
  const { decision, name } = found
  const reason = REASONS[decision.reason] ?? otherwise
  return {
    asked: `${name(decision.peerId)} asked to ${whatWasAsked(decision)}`,
    outcome: decision.allowed ? 'allowed' : 'refused by us',
    told: toldOf(decision),
    askThem: [],
    ...reason(found),
  }
}

const REASONS: Readonly<Record<string, (found: Case) => Reason>> = {
  ALLOWED: allowed,
  GRANT_MISSING: (found) => ({
    because: 'they showed no grant: the call carried no bearer',
    says: 'without a grant nothing is allowed',
    next: [`they have to send the bearer of a grant; give one: ${createCommand(found)}`],
  }),
  GRANT_UNKNOWN: (found) => ({
    because: unknownBecause(found),
    says: grantLine(found.grant),
    next: [`have them use the bearer as it was shown, or give another grant: ${createCommand(found)}`],
  }),
  GRANT_FOREIGN: ({ decision, grant, name }) => ({
    because: `the grant was given to ${grant ? name(grant.peerId) : 'another peer'}, not to ${name(decision.peerId)}: somebody else holds its bearer`,
    says: grantLine(grant),
    next: [`if nobody handed it on by mistake it has leaked: fedctl grant revoke ${decision.grantId}`],
  }),
  GRANT_NOT_BOUND: ({ decision, grant }) => ({
    because: 'the certificate they showed is not one the grant may be used with',
    says: grant?.boundIdentities.length
      ? `the grant is bound to ${grant.boundIdentities.join(', ')}`
      : 'the grant may be used with the identity the peer is enrolled with, and with no other',
    next: [`if the certificate is theirs: fedctl grant update ${decision.grantId} --bind …`],
  }),
  GRANT_EXPIRED: expired,
  GRANT_REVOKED: (found) => ({
    because: 'the grant had been revoked',
    says: revokedLine(found.grant),
    next: [`it stays so; give another when that was a mistake: ${createCommand(found)}`],
  }),
  SCOPE_MISMATCH: mismatch,
  RESIDENCY_VIOLATION: residencyReason,
  RESIDENCY_UNKNOWN: residencyReason,
  POLICY_STALE: () => ({
    because: 'the gateway was not sure of the grants in force at that moment, and what is not sure is refused',
    says: 'a gateway that hears nothing from grant-authz for a second denies',
    next: ['fedctl status', 'it passes by itself when grant-authz answers; they can repeat the call'],
  }),
  KIND_UNKNOWN: ({ decision }) => ({
    because: `no service of ours serves ${decision.resourceKind || 'such a kind'}; kinds are compared byte by byte`,
    says: '',
    next: ['fedctl resource kinds'],
  }),
}

/** What the peer reads: less than we know where knowing more would help an attacker. */
function toldOf({ reason, allowed: isAllowed }: Decision): string {
  const wire = isAllowed || !Object.hasOwn(WIRE, reason) ? undefined : WIRE[reason as keyof typeof WIRE]
  if (!wire) return ''
  if (wire.reason === 'GRANT_INVALID') return 'GRANT_INVALID, as for every bearer that gives no access'
  return wire.reason === 'SCOPE_MISMATCH' ? 'SCOPE_MISMATCH and the name of the axis' : wire.reason
}

function allowed({ decision, grant }: Case): Reason {
  const once = decision.overrideId
    ? `; residency forbids it, and override ${decision.overrideId} allowed it this once`
    : ''
  const advised = decision.advised ? `; under enforce residency would have refused it: ${decision.detail}` : ''
  return {
    because: `grant ${decision.grantId} covers it${once}${advised}`,
    says: grantLine(grant),
    next: decision.advised ? ['fedctl residency rules'] : [],
  }
}

/** What was shown as a bearer: without a form, of no grant, or of one whose secret is another. */
function unknownBecause({ decision, grant }: Case): string {
  if (decision.grantId === '') return 'what they showed has not the form of a bearer: cut short, changed, or made up'
  return grant
    ? 'the bearer names a grant of ours, and its secret is not the right one: altered, or made up'
    : decision.detail || `there is no grant ${decision.grantId} here`
}

function expired({ decision, grant }: Case): Reason {
  const { at } = decision
  if (grant?.issuedAt && at && grant.issuedAt.seconds > at.seconds)
    return {
      because: 'the grant was not good yet',
      says: `it is good from ${moment(grant.issuedAt)} UTC`,
      next: ['compare the clocks of the machines'],
    }
  return {
    because: 'the grant had run out',
    says: grant
      ? `it was good until ${moment(grant.expiresAt)} UTC; a grant is over at that very moment`
      : decision.detail,
    next: [`fedctl grant renew ${decision.grantId}`],
  }
}

function mismatch(found: Case): Reason {
  const { decision, grant } = found
  const unsaid = grant && LISTS[decision.axis]?.(grant).length === 0
  const [because, says, next] = (unsaid ? strict : (MISMATCH[decision.axis] ?? otherAxis))(decision, grant)
  return { because, says, next: [next] }
}

/** The axes of a grant that may be left empty. */
const LISTS: Readonly<Record<string, (grant: Grant) => readonly string[]>> = {
  instance: ({ nodeInstanceIds }) => nodeInstanceIds,
  network: ({ sdwanNetworkIds }) => sdwanNetworkIds,
  source: ({ sourceCidrs }) => sourceCidrs,
}

/** An empty axis allows anything, unless every axis has to be said. */
function strict({ axis, grantId }: Decision): Said {
  return [
    `the grant does not say ${AXES[axis] ?? axis} it is good, and this platform wants every axis said`,
    'strict_axes is on: fedctl grant settings',
    `fedctl grant update ${grantId} --${OPTIONS[axis] ?? axis} '*'`,
  ]
}

const OPTIONS: Readonly<Record<string, string>> = { instance: 'node', network: 'network', source: 'cidr' }

type Said = readonly [because: string, says: string, next: string]

/** For each axis: what did not fit, what the grant says of it, and how it would fit. */
const MISMATCH: Readonly<Record<string, (decision: Decision, grant: Grant | undefined) => Said>> = {
  kind: (decision, grant) => [
    `the grant is for another kind of resource than ${decision.resourceKind}`,
    grant ? `the grant is for ${grant.resourceKind}; kinds are compared byte by byte` : '',
    `a grant is for one kind: fedctl grant create ${decision.peerId} --kind ${decision.resourceKind} --scope ${decision.scope || 'read'}`,
  ],
  id: (decision, grant) => [
    `the grant is for one resource, and not for ${decision.resourceId || 'all of the kind'}`,
    grant ? `the grant is for ${grant.resourceKind} ${grant.resourceId || '(all)'}; ids are compared byte by byte` : '',
    `a grant is for one resource or for all: fedctl grant create ${decision.peerId} --kind ${decision.resourceKind} --id ${decision.resourceId || '…'} --scope ${decision.scope || 'read'}`,
  ],
  scope: (decision, grant) => [
    `the grant does not give ${decision.scope}`,
    grant ? `the grant gives ${grant.scopes.join(', ')}; none implies another` : '',
    `fedctl grant update ${decision.grantId} --scope ${[...(grant?.scopes ?? []), decision.scope].join(',')}`,
  ],
  instance: (decision, grant) => [
    decision.nodeInstanceId
      ? `the grant is not for node ${decision.nodeInstanceId}`
      : 'the grant is for certain nodes, and the call did not say for which it was',
    `the grant is for nodes ${anyOf(grant?.nodeInstanceIds ?? [])}`,
    `fedctl grant update ${decision.grantId} --node …; or they name the node in header powernode-node-instance`,
  ],
  network: (decision, grant) => [
    decision.sdwanNetworkId
      ? `the grant is not for network ${decision.sdwanNetworkId}`
      : 'the grant is for certain networks, and the call did not say over which it came',
    `the grant is for networks ${anyOf(grant?.sdwanNetworkIds ?? [])}`,
    `fedctl grant update ${decision.grantId} --network …; or they name the network in header powernode-sdwan-network`,
  ],
  bridge: (decision) => [
    `there is no active bridge between the peer and network ${decision.sdwanNetworkId}`,
    'a call that names a network needs an active bridge, whatever the grant says',
    `fedctl bridge list --peer ${decision.peerId}; then fedctl bridge activate, resume or propose`,
  ],
  source: (decision, grant) => [
    `the grant is not for calls from ${decision.sourceAddress || 'an address that is not known'}`,
    `the grant is for calls from ${anyOf(grant?.sourceCidrs ?? [])}`,
    `fedctl grant update ${decision.grantId} --cidr …`,
  ],
}

function otherAxis({ axis, detail, grantId }: Decision): Said {
  return [`it did not fit: ${AXES[axis] ?? axis}`, detail, `fedctl grant show ${grantId}`]
}

function otherwise({ decision }: Case): Reason {
  const { reason, axis, detail } = decision
  return {
    because: detail || `${reason}${axis && ` (${AXES[axis] ?? axis})`}`,
    says: '',
    next: [`docs/errors.md explains ${reason}`],
  }
}

const grantLine = (grant: Grant | undefined): string =>
  grant
    ? `grant ${grant.id}: ${grant.scopes.join(', ')} on ${grant.resourceKind} ${grant.resourceId || '(all)'}, ${grant.status}`
    : ''

function revokedLine(grant: Grant | undefined): string {
  if (!grant?.revokedAt) return ''
  const by = typeof grant.metadata?.['revoked_by'] === 'string' ? ` by ${grant.metadata['revoked_by']}` : ''
  return `revoked at ${moment(grant.revokedAt)} UTC${by}${grant.revocationReason && `: ${grant.revocationReason}`}`
}

const createCommand = ({ decision }: Case): string => {
  const one = decision.resourceId ? ` --id ${decision.resourceId}` : ''
  return `fedctl grant create ${decision.peerId} --kind ${decision.resourceKind || '…'}${one} --scope ${decision.scope || 'read'}`
}
