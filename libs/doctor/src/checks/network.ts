import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { Node } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Run } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { ok, skipped, warning } from '../check.ts'
import type { FederatedNetwork, PeerEvidence } from '../evidence.ts'

/** Routes that the peer offers, as nodes really have them, and whether nodes carry what was compiled for them. */
export function networkChecks({ network, peer }: PeerEvidence): Check[] {
  if (!network) return [skipped('routes.theirs', 'the network could not be read')]
  return [routes(network.routes, peer?.prefixAdvertisement ?? ''), ...nodes(network.nodes), leftOut(network.problems)]
}

function routes(found: readonly { prefix: string; measured: boolean }[], offered: string): Check {
  if (found.length === 0)
    return skipped(
      'routes.theirs',
      offered ? `${offered} is offered, and no access to it is set` : 'no network is shared',
    )
  const missing = found.filter(({ measured }) => !measured)
  if (missing.length === 0) return ok('routes.theirs', `${found.length} routes of theirs are in the nodes' tables`)
  return warning('routes.theirs', {
    symptom: 'route_missing',
    summary: `${missing.length} of ${found.length} routes of theirs are intended, and no node has them`,
    cause: `${missing[0]?.prefix}: the tunnel or its BGP session is down, or no node has reported`,
    side: 'us',
    command: 'fedctl net nodes',
  })
}

function nodes(all: readonly Node[]): Check[] {
  const behind = all.filter(({ desiredVersion, report }) => report && report.appliedVersion !== desiredVersion)
  if (all.length === 0) return [skipped('firewall.nodes', 'there are no nodes')]
  if (behind.length === 0) return [ok('firewall.nodes', `${all.length} nodes carry what was compiled for them`)]
  const rolledBack = behind.find(({ report }) => report?.rolledBackReason)?.report
  return [
    warning('firewall.nodes', {
      symptom: 'node_behind',
      summary: `${behind.length} of ${all.length} nodes do not carry the newest rules and routes`,
      cause: rolledBack ? `taken back on one: ${rolledBack.rolledBackReason}` : 'they have not applied them yet',
      side: 'us',
      command: 'fedctl net nodes',
    }),
  ]
}

/** How many and of which kinds: who looks may be no operator of ours, and what they are about is ours to read. */
function leftOut(problems: FederatedNetwork['problems']): Check {
  const left = problems.filter((problem) => problem.leftOut)
  if (left.length === 0) return ok('firewall.left_out', 'nothing that is wanted of the network is left out')
  return warning('firewall.left_out', {
    symptom: 'network_left_out',
    summary: `${left.length} of what is wanted of the network is left out of what nodes are sent`,
    cause: [...new Set(left.map(({ code }) => code))].toSorted().join(', '),
    side: 'us',
    command: 'fedctl net problems',
  })
}

/** Composing and isolating: what was left half done. */
export function runChecks(runs: readonly Run[]): Check[] {
  const newest = runs.filter(({ dryRun }) => !dryRun)[0]
  if (!newest || !['partial', 'failed'].includes(newest.state)) return []
  const [failure] = newest.failures
  return [
    warning('routes.runs', {
      symptom: 'tenant_partial',
      summary: `${newest.skill} ended ${newest.state}: some of what it makes is there, some is not`,
      cause: failure ? `${failure.step}: ${failure.reason}: ${failure.message}` : 'see its steps',
      side: 'us',
      command: newest.partial ? `fedctl net run rollback ${newest.id}` : `fedctl net run show ${newest.id}`,
    }),
  ]
}
