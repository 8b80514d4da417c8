import { Refusal } from '@powernode/rpc'
import type { PlannedStep } from './run.ts'
import type { Id } from './world.ts'

/** sdwan_federation_compose: a whole network with its members, and the road to a peer if one is named. */
export type Compose = {
  readonly networkName: string
  readonly topology: string
  readonly routingProtocol: string
  readonly members: readonly ComposeMember[]
  readonly federationPeerId: string
  readonly acceptPrefixes: readonly string[]
}

export type ComposeMember = {
  readonly nodeInstanceId: Id
  readonly role: string
  readonly name: string
  readonly endpointHostV6: string
  readonly endpointHostV4: string
  readonly endpointPort: number
  readonly listenPort: number
  readonly lanSubnets: readonly string[]
  readonly bgpRouteReflectorClient: boolean
}

export const TOPOLOGIES: readonly string[] = ['hub_and_spoke', 'full_mesh']
export const ROUTING_PROTOCOLS: readonly string[] = ['static', 'ibgp']
export const MOST_PEERS = 200
/** A road has at most so many gateways at each end. */
export const MOST_GATEWAYS = 4

export const isHub = ({ role }: Pick<ComposeMember, 'role'>): boolean => role === 'hub'
export const routingOf = ({ routingProtocol }: Pick<Compose, 'routingProtocol'>): string => routingProtocol || 'static'

/** Refuses what cannot be composed, in the words of the source documents: they are looked for. */
export function checkCompose(said: Compose): void {
  if (!TOPOLOGIES.includes(said.topology)) throw invalid(`topology must be one of ${TOPOLOGIES.join(', ')}`)
  if (!ROUTING_PROTOCOLS.includes(routingOf(said)))
    throw invalid(`routing_protocol must be one of ${ROUTING_PROTOCOLS.join(', ')}`)
  if (said.networkName.trim() === '') throw invalid('network_name is required')
  if (said.members.length === 0) throw invalid('peers must contain at least one member')
  if (said.members.length > MOST_PEERS) throw invalid(`peers count must be <= ${MOST_PEERS}`)
  if (said.topology === 'hub_and_spoke' && !said.members.some(isHub))
    throw invalid("hub_and_spoke topology requires at least one peer with role: 'hub'")
  const mute = said.members.filter((member) => isHub(member) && !hasEndpoint(member))
  if (mute.length > 0)
    throw invalid(
      `hub peer(s) require an endpoint (endpoint_host_v6/v4 + endpoint_port): ${mute.map(titleOf).join(', ')}`,
    )
  const nodes = said.members.map(({ nodeInstanceId }) => nodeInstanceId)
  const twice = nodes.filter((node, index) => nodes.indexOf(node) !== index)
  if (twice.length > 0) throw invalid(`instance(s) named twice: ${[...new Set(twice)].join(', ')}`)
  if (said.acceptPrefixes.length > 0 && said.federationPeerId === '')
    throw invalid('accept_prefixes are those of a federation peer: name it in federation_peer_id')
  if (said.federationPeerId !== '' && !said.members.some(isHub))
    throw invalid('the road to a federation peer begins at a peer with role: hub')
}

/** Refuses nodes that nobody knows. */
export function checkInstances(said: Compose, known: ReadonlySet<Id>): void {
  const missing = said.members.map(({ nodeInstanceId }) => nodeInstanceId).filter((node) => !known.has(node))
  if (missing.length === 0) return
  throw new Refusal('NODE_NOT_FOUND', `instance(s) not found: ${missing.join(', ')}`, {
    metadata: { node_instance_ids: missing.join(',') },
    next: 'let the agents of these nodes enroll first',
  })
}

const hasEndpoint = ({ endpointHostV6, endpointHostV4, endpointPort }: ComposeMember): boolean =>
  (endpointHostV6 !== '' || endpointHostV4 !== '') && endpointPort > 0

export const titleOf = ({ name, nodeInstanceId }: Pick<ComposeMember, 'name' | 'nodeInstanceId'>): string =>
  name || nodeInstanceId

/** What a composition does, in its order; `newId` gives each record its id before it is made. */
export function composeSteps(said: Compose, newId: () => Id): readonly PlannedStep[] {
  const { networkName, topology, federationPeerId } = said
  const routing = routingOf(said)
  return [
    {
      name: 'create_network',
      action: `create_network ${networkName} (${topology}, ${routing})`,
      makes: { kind: 'network', id: newId() },
    },
    ...said.members.map((member) => ({
      name: 'attach_peer',
      action: `attach_peer ${titleOf(member)} as ${isHub(member) ? 'hub' : 'spoke'}`,
      makes: { kind: 'member', id: newId() },
    })),
    ...(federationPeerId === ''
      ? []
      : [
          {
            name: 'accept_prefixes',
            action: `accept_prefixes of ${federationPeerId}: ${said.acceptPrefixes.join(', ') || 'none'}`,
            makes: { kind: 'prefix_access', id: newId() },
          },
        ]),
    { name: 'compile_topology', action: `compile_topology ${topology}` },
    ...(routing === 'ibgp' ? [{ name: 'compile_route_policies', action: 'compile_route_policies' }] : []),
  ]
}

/** Without a network there is nothing to attach to; of its members each stands for itself. */
export const stopsCompose = (step: string): boolean => step === 'create_network'

const invalid = (message: string): Refusal => new Refusal('REQUEST_INVALID', message)
