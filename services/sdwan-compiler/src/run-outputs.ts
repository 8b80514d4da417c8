import { isHub, routingOf, type Compose } from './compose-plan.ts'
import { ACL_ALLOW_PRIORITY, ACL_DROP_PRIORITY, tenantCidrOf, type Isolate } from './isolate-plan.ts'
import { attached, idMadeBy } from './run-changes.ts'
import { stands, type RunStep } from './run.ts'

export type Outputs = Readonly<Record<string, string>>

/** What a composition has made and not taken back, under the names of the source documents; lists are joined by commas. */
export function composeOutputs(said: Compose, steps: readonly RunStep[]): Outputs {
  const made = attached(said, steps)
  const hubs = made.filter(({ member }) => isHub(member))
  const common = { topology: said.topology, routing_protocol: routingOf(said), count: String(said.members.length) }
  return withoutEmpty({
    ...common,
    sdwan_network_id: standingId(steps, 'create_network'),
    sdwan_peer_ids: made.map(({ id }) => id).join(','),
    hub_peer_ids: hubs.map(({ id }) => id).join(','),
    prefix_access_id: standingId(steps, 'accept_prefixes'),
    topology_preview: isDone(steps, 'compile_topology') ? topologyPreview(said, hubs.length, made.length) : '',
    route_policy_preview: isDone(steps, 'compile_route_policies') ? routePreview(said, hubs.length, made.length) : '',
  })
}

function topologyPreview({ topology }: Compose, hubs: number, all: number): string {
  const spokes = all - hubs
  if (topology === 'full_mesh') return `full_mesh: ${all} members, ${(all * (all - 1)) / 2} tunnels`
  return `hub_and_spoke: ${hubs} hubs, ${spokes} spokes, ${hubs * spokes + (hubs * (hubs - 1)) / 2} tunnels`
}

function routePreview({ topology }: Compose, hubs: number, all: number): string {
  const sessions = hubs === 0 ? (all * (all - 1)) / 2 : hubs * (all - hubs) + (hubs * (hubs - 1)) / 2
  const reflectors = topology === 'hub_and_spoke' || hubs > 0 ? `${hubs} route reflectors` : 'no route reflector'
  return `ibgp: ${reflectors}, ${sessions} sessions`
}

/** What isolating a tenant has made and not taken back. */
export function isolateOutputs(
  said: Isolate,
  steps: readonly RunStep[],
  ground: {
    readonly networkCidr: string | undefined
    readonly deploymentId: string | undefined
    readonly vrfNames: readonly string[]
  },
): Outputs {
  const networkId = standingId(steps, 'create_network')
  const rules = ['create_firewall_allow', 'create_firewall_deny'].map((name) => standingId(steps, name))
  const acls = [
    { name: 'allow-tenant', id: standingId(steps, 'create_ovn_acl_allow'), priority: ACL_ALLOW_PRIORITY },
    { name: 'drop-others', id: standingId(steps, 'create_ovn_acl_drop'), priority: ACL_DROP_PRIORITY },
  ].filter(({ id }) => id !== '')
  const madeDeployment = standingId(steps, 'create_ovn_deployment')
  const switchId = standingId(steps, 'create_ovn_switch')
  return withoutEmpty({
    tenant_key: said.tenantKey,
    tenant_cidr: tenantCidrOf(said) ?? ground.networkCidr ?? '',
    sdwan_network_id: networkId,
    // Names on nodes are made of the whole id (compile/names.ts): it is the handle.
    sdwan_network_handle: networkId,
    vrf_name: ground.vrfNames.join(','),
    firewall_rule_ids: rules.filter((id) => id !== '').join(','),
    ovn_deployment_id: switchId === '' ? madeDeployment : madeDeployment || (ground.deploymentId ?? ''),
    created_ovn_deployment: String(madeDeployment !== ''),
    ovn_logical_switch_id: switchId,
    ovn_acl_ids: acls.map(({ id }) => id).join(','),
    ovn_acl_allocations: acls.map(({ name, priority }) => `${name}=${priority}`).join(','),
  })
}

const standingId = (steps: readonly RunStep[], name: string): string => idMadeBy(steps.filter(stands), name)
const isDone = (steps: readonly RunStep[], name: string): boolean =>
  steps.some((step) => step.name === name && step.status === 'done')
const withoutEmpty = (said: Outputs): Outputs =>
  Object.fromEntries(Object.entries(said).filter(([, value]) => value !== ''))
