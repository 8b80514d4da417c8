import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { decided, failed, ok, skipped, warning, type Side, type Trouble } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'
import { when } from '../moments.ts'
import type { Symptom } from '../symptoms.ts'

/** Calls across the border that were refused within the hour: by what, and on which axis. The newest of each kind. */
export function grantChecks(evidence: PeerEvidence): Check[] {
  const { decisions } = evidence
  if (!decisions) return [skipped('grants.calls', 'the decisions could not be read'), ...childGrant(evidence)]
  const grants = new Map((evidence.given ?? []).map((grant) => [grant.id, grant]))
  const open = decisions.filter((one) => !one.allowed && !isMended(one, decisions) && !isOver(one, grants))
  const checks = newestOfEach(open).flatMap((one) => judged(one, grants))
  if (checks.length > 0) return [...checks, ...childGrant(evidence)]
  const count = decisions.filter(({ allowed }) => allowed).length
  return [ok('grants.calls', `no call was refused in the last hour, ${count} were allowed`), ...childGrant(evidence)]
}

/** The same was allowed later: somebody has mended it. */
const isMended = (refused: Decision, decisions: readonly Decision[]): boolean =>
  decisions.some((later) => later.allowed && ordinal(later) > ordinal(refused) && whatOf(later) === whatOf(refused))

type Grants = ReadonlyMap<string, Grant>

/** What was wrong with a grant of ours that has been taken away since is nobody's trouble any more: it cannot be mended. */
const isOver = ({ direction, reason, grantId }: Decision, grants: Grants): boolean =>
  direction === 'in' && reason !== 'GRANT_REVOKED' && grants.get(grantId)?.revokedAt !== undefined

const whatOf = ({ direction, rpc, resourceKind, resourceId, scope }: Decision): string =>
  [direction, rpc, resourceKind, resourceId, scope].join(' ')

const ordinal = ({ at }: Decision): number => Number(at?.seconds ?? 0n) * 1_000 + (at?.nanos ?? 0) / 1e6

function newestOfEach(decisions: readonly Decision[]): Decision[] {
  const newest = new Map<string, Decision>()
  for (const one of decisions) {
    const key = [one.direction, one.reason, one.axis].join(' ')
    const known = newest.get(key)
    if (!known || ordinal(one) > ordinal(known)) newest.set(key, one)
  }
  return [...newest.values()]
}

type Meaning = { readonly symptom: Symptom; readonly section?: string; readonly command: (of: Decision) => string }

const renew = ({ grantId }: Decision): string => `fedctl grant renew ${grantId || '<grant>'}`
const widen = ({ grantId, scope }: Decision): string =>
  `fedctl grant update ${grantId || '<grant>'} --scope ${scope ? `<what it has>,${scope}` : '<scopes>'}`
const update = ({ grantId }: Decision): string => `fedctl grant update ${grantId || '<grant>'}`
const anew = ({ resourceKind }: Decision): string =>
  `fedctl grant create <peer> --kind ${resourceKind || '<kind>'} --deliver`
const residency = (): string => 'fedctl residency override create'

/** What a reason means; SCOPE_MISMATCH is told apart by its axis. What we send out is judged by what they answered. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  SCOPE_MISMATCH: { symptom: 'scope_mismatch', command: update },
  GRANT_EXPIRED: { symptom: 'grant_expired', command: renew },
  GRANT_REVOKED: { symptom: 'grant_revoked', command: anew },
  GRANT_MISSING: { symptom: 'grant_missing', command: anew },
  GRANT_UNKNOWN: { symptom: 'grant_not_recognised', command: anew },
  GRANT_FOREIGN: { symptom: 'grant_not_recognised', command: anew },
  GRANT_NOT_BOUND: { symptom: 'grant_not_recognised', command: update },
  // What the other side is told looks alike, whether a grant is unknown, expired or revoked.
  GRANT_INVALID: { symptom: 'grant_not_recognised', command: anew },
  GRANT_REQUIRED: { symptom: 'grant_missing', command: anew },
  RESIDENCY_VIOLATION: { symptom: 'residency_violation', section: 'residency', command: residency },
  RESIDENCY_UNKNOWN: { symptom: 'residency_violation', section: 'residency', command: residency },
}

const OTHER: Meaning = { symptom: 'call_refused', command: ({ id }) => `fedctl why ${id}` }

/** Left, and what came of it is not on record: no refusal. */
const NO_REFUSAL: readonly string[] = ['SENT', 'ALLOWED', '']

function judged(decision: Decision, grants: Grants): Check[] {
  const { id, direction, reason, axis, detail, at, rpc, resourceKind, grantId } = decision
  if (NO_REFUSAL.includes(reason)) return []
  const taken = grants.get(grantId)
  if (direction === 'in' && reason === 'GRANT_REVOKED' && taken?.revokedAt) {
    const why = taken.revocationReason && `: ${taken.revocationReason}`
    const summary = `their call ${rpc} at ${when(at)} was refused, as was decided: its grant was revoked at ${when(taken.revokedAt)}${why} (fedctl why ${id})`
    return [decided('grants.calls_in', 'grant_revoked', summary)]
  }
  const { symptom, section, command } = meaningOf(decision)
  const inward = direction === 'in'
  // A grant belongs to the side that owns the data.
  const side: Side = inward ? 'us' : 'them'
  const trouble: Trouble = {
    symptom,
    summary: `${inward ? 'their' : 'our'} call ${rpc}${resourceKind && ` of ${resourceKind}`} at ${when(at)} was refused: ${reason}${axis && ` (${axis})`}`,
    cause: `${detail || 'no more is said'}; all of it: fedctl why ${id}`,
    side,
    command: command(decision),
  }
  return [warning(`${section === 'residency' ? 'residency' : 'grants'}.calls_${inward ? 'in' : 'out'}`, trouble)]
}

function meaningOf({ reason, axis, detail }: Decision): Meaning {
  const meaning = MEANINGS[reason]
  if (!meaning) return OTHER
  const scope = axis === 'scope' || (axis === '' && /\bscope\b/.test(detail) && !/scope mismatch/.test(detail))
  return meaning.symptom === 'scope_mismatch' && scope
    ? { ...meaning, symptom: 'permission_insufficient', command: widen }
    : meaning
}

const JOINED: readonly PeerState[] = [PeerState.ENROLLED, PeerState.ACTIVE, PeerState.DEGRADED]

/** What a child's operators' grant to its parent's is called. */
const OPERATOR_KIND = 'managed_child_operator'

/** A managed child grants its parent's operators what they manage it by; without that they see nothing of it. */
function childGrant({ peer, received }: PeerEvidence): Check[] {
  const ours = peer?.spawnMode === SpawnMode.MANAGED_CHILD && peer.spawnRole === SpawnRole.PARENT
  if (!ours || !received || !JOINED.includes(peer.state)) return []
  const live = received.filter(({ status, resourceKind }) => status === 'active' && resourceKind === OPERATOR_KIND)
  if (live.length > 0) return [ok('grants.child', 'the child lets our operators act')]
  return [
    failed('grants.child', {
      symptom: 'child_grant_missing',
      summary: 'our operators see nothing of the child: it has granted us nothing',
      cause: 'the grant lands when the first run of the child ends; it did not, or the grant was revoked there',
      side: 'them',
      command: 'fedctl grant create <peer> --kind managed_child_operator --scope read,write,admin --deliver',
    }),
  ]
}
