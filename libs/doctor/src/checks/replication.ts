import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { ChildState, type Child, type ClusterMember } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { failed, ok, warning } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'
import { lasting, since, when } from '../moments.ts'

const SILENT_MS = 300_000

/** Only of children: how far the making has come, and the replica of a cluster_member. */
export function replicationChecks({ child, now }: PeerEvidence): Check[] {
  if (!child) return []
  return [...boot(child), ...(child.clusterMember ? [replica(child.clusterMember, child, now)] : [])]
}

function boot({ id, state, reason, steps }: Child): Check[] {
  if (state === ChildState.ACTIVE || state === ChildState.UNSPECIFIED) return []
  const stuck = steps.find(({ status }) => status === 'failed') ?? steps.find(({ status }) => status === 'running')
  return [
    warning(
      'replication.child',
      {
        symptom: 'child_not_booted',
        summary: `the child is not active: ${reason}`,
        cause: stuck ? `${stuck.name}: ${stuck.detail || stuck.status}` : 'no step is under way',
        side: state === ChildState.GONE ? 'nobody' : 'us',
        command: `fedctl child show ${id}`,
      },
      'peering',
    ),
  ]
}

function replica(member: ClusterMember, { id }: Child, now: Date): Check {
  const { state, sentLsn, replayLagBytes, replayLagSeconds, retainedWalBytes, slotName, walStatus, observedAt } = member
  const behind = `${replayLagBytes} bytes (${lasting(replayLagSeconds * 1_000)}) behind, ${retainedWalBytes} bytes of WAL kept for it`
  if (state === 'guarded' || walStatus === 'lost')
    return failed('replication.slot', {
      symptom: 'slot_dropped',
      summary: `the slot ${slotName} is gone: the replica cannot catch up`,
      cause:
        'it held back more WAL than this disk can spare; the child copies the database anew as soon as it has a line to us',
      side: 'them',
      command: `fedctl child show ${id}`,
    })
  // Whoever is sent nothing does not read at all: how far behind it is, then, nobody knows.
  const isAway = state === 'lagging' && sentLsn === ''
  if (state === 'lagging' && !isAway)
    return warning('replication.lag', {
      symptom: 'replica_lag',
      summary: `the replica is ${behind}`,
      cause: 'the road between the two is too narrow, the child is too slow, or it was away',
      side: 'them',
      command: `fedctl child show ${id}`,
    })
  const unseen = since(observedAt, now) ?? Infinity
  if (isAway || state === 'ready' || (state === 'streaming' && unseen > SILENT_MS))
    return warning('replication.slot', {
      symptom: 'slot_inactive',
      summary: `nobody reads from the slot ${slotName}${observedAt ? `, as was seen at ${when(observedAt)}` : ''}`,
      cause: `the child is down, or cannot reach our database; ${retainedWalBytes} bytes of WAL are kept for it meanwhile`,
      side: 'them',
      command: `fedctl child show ${id}`,
    })
  return ok('replication.lag', `the replica is ${state}, ${behind}`)
}
