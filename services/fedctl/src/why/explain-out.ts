import { AXES, whatWasAsked } from './asked.ts'
import type { Case, Explanation } from './explanation.ts'
import { residencyReason } from './residency-reason.ts'

type Reason = Pick<Explanation, 'because' | 'says' | 'next'>

/**
 * Why a call of ours to a peer went as it did: what we know of it, and what to ask their operators for.
 *
 * A peer says less than it knows: its own decision, under its own id, has the rest.
 */
export function explainOut(found: Case): Explanation {
  const { decision, name } = found
  const byThem = decision.remoteDecisionId !== '' || !OURS.has(decision.reason)
  const isHeldBack = !byThem && decision.reason.startsWith('RESIDENCY')
  const reason = isHeldBack ? residencyReason : (THEIRS[decision.reason] ?? otherwise)
  return {
    asked: `we asked ${name(decision.peerId)} to ${whatWasAsked(decision)}`,
    outcome: outcomeOf(found, byThem),
    told: '',
    ...reason(found),
    askThem: decision.allowed ? [] : askThem(found, byThem),
  }
}

/** What we ourselves refuse before a call leaves; unless the other side gave it a decision of its own. */
const OURS: ReadonlySet<string> = new Set(['RESIDENCY_VIOLATION', 'RESIDENCY_UNKNOWN', 'GRANT_MISSING', 'POLICY_STALE'])

function outcomeOf({ decision }: Case, byThem: boolean): string {
  if (decision.allowed) return 'allowed'
  if (UNANSWERED.has(decision.reason)) return 'not answered'
  return byThem ? 'refused by them' : 'not sent: it did not leave here'
}

const UNANSWERED: ReadonlySet<string> = new Set([
  'PEER_UNREACHABLE',
  'PEER_CIRCUIT_OPEN',
  'PEER_CERTIFICATE_NOT_TRUSTED',
  'DEADLINE_EXCEEDED',
  'SENT',
])

function askThem({ decision }: Case, byThem: boolean): string[] {
  const { remoteDecisionId, reason, resourceKind, resourceId, scope } = decision
  if (UNANSWERED.has(reason) || (!byThem && !GIVES_A_GRANT.has(reason))) return []
  const one = resourceId ? ` --id ${resourceId}` : ''
  return [
    ...(remoteDecisionId ? [`fedctl why ${remoteDecisionId}`] : []),
    ...(GIVES_A_GRANT.has(reason)
      ? [`fedctl grant create <us> --kind ${resourceKind || '…'}${one} --scope ${scope || 'read'}`]
      : []),
  ]
}

const GIVES_A_GRANT: ReadonlySet<string> = new Set(['GRANT_REQUIRED', 'GRANT_MISSING', 'GRANT_INVALID'])

const withoutGrant = ({ decision }: Case): Reason => ({
  because: 'we showed no grant of theirs: none was named, and none they told us of fits',
  says: 'they allow nothing without a grant',
  next: [`fedctl grant received --peer ${decision.peerId}`, 'name the grant: … --grant -'],
})

const unknownToUs = ({ decision, grant }: Case): Reason => ({
  because:
    'the grant we showed gives no access: unknown to them, altered, of another platform, bound to another certificate, expired or revoked; from outside these cannot be told apart',
  says: grant ? `they told us of it: ${grant.scopes.join(', ')} on ${grant.resourceKind}, ${grant.status}` : '',
  next: [`fedctl grant received --peer ${decision.peerId}`],
})

const residencyTheirs = ({ decision, name }: Case): Reason => ({
  because: `their residency rules do not let this data leave for where we are`,
  says: decision.detail,
  next: [`what we say of where we are stands in our disclosure; ${name(decision.peerId)} decides what follows from it`],
})

/** What the other side's reasons come to. */
const THEIRS: Readonly<Record<string, (found: Case) => Reason>> = {
  ALLOWED: ({ decision }) => ({
    because: decision.overrideId ? `override ${decision.overrideId} let it leave this once` : 'they allowed it',
    says: decision.grantId && `by grant ${decision.grantId}`,
    next: [],
  }),
  GRANT_REQUIRED: withoutGrant,
  GRANT_MISSING: withoutGrant,
  GRANT_INVALID: unknownToUs,
  SCOPE_MISMATCH: ({ decision, grant }) => ({
    because: `the grant is good, and this use of it is not covered: ${AXES[decision.axis] ?? 'an axis they did not name'}${decision.axis && ` (${decision.axis})`}`,
    says: grant
      ? `they told us of it: ${grant.scopes.join(', ')} on ${grant.resourceKind} ${grant.resourceId || '(all)'}`
      : '',
    next: ['use the grant as it was meant, or ask for a wider one'],
  }),
  RESIDENCY_VIOLATION: residencyTheirs,
  RESIDENCY_UNKNOWN: residencyTheirs,
  RESOURCE_KIND_UNKNOWN: ({ decision }) => ({
    because: `nobody over there serves ${decision.resourceKind}; kinds are compared byte by byte`,
    says: '',
    next: ['look at how they write it'],
  }),
  RESOURCE_NOT_FOUND: ({ decision }) => ({
    because: `there is no ${decision.resourceKind} ${decision.resourceId} within what the grant allows`,
    says: '',
    next: [`fedctl resource list --peer ${decision.peerId} --kind ${decision.resourceKind}`],
  }),
  RESOURCE_READ_ONLY: ({ decision }) => ({
    because: `${decision.resourceKind} cannot be changed from outside, whatever the scope`,
    says: '',
    next: ['their operators have to change it'],
  }),
  POLICY_STALE: () => ({
    because: 'their gateway was not sure of the grants in force at that moment',
    says: '',
    next: ['repeat the call'],
  }),
}

function otherwise({ decision }: Case): Reason {
  const { reason, detail, peerId } = decision
  const isAway = UNANSWERED.has(reason)
  return {
    because: detail || reason,
    says: '',
    next: isAway ? [`fedctl peer show ${peerId}`] : [`docs/errors.md explains ${reason}`],
  }
}
