import { cidrHolds } from '@powernode/policy'
import { vrfName } from '../../compile/names.ts'
import { memberAddress, networkPrefix } from '../../allocate/prefixes.ts'
import { listenPort } from '../../allocate/numbers.ts'
import type { Id, Prefix } from '../../world.ts'
import type { Draft } from '../intent.ts'
import type { Fields } from '../records.ts'
import type { SaidMember, SaidNetwork, SaidVrf } from '../wire/networks.ts'
import { named, refuseOverlap, unchanged, type Around } from './around.ts'

type Owned = { readonly prefix: Prefix; readonly whose: string }

export function completeNetwork(said: SaidNetwork, around: Around<'network'>): Fields['network'] {
  const { id, before, draft, account, install } = around
  const others = [...draft.all('network').values()].filter((network) => network.id !== id)
  const cidr = before?.cidr ?? networkPrefix(account, id, new Set(others.map((network) => network.cidr)))
  if (said.podSubnet !== null) {
    const lans = [...draft.all('member').values()].flatMap((member) => lansOf(member))
    const pods = others.flatMap(({ podSubnet, name }) => (podSubnet === null ? [] : [{ prefix: podSubnet, whose: `network ${name}` }])) // prettier-ignore
    refuseOverlap('the pod subnet', said.podSubnet, [{ prefix: install, whose: 'this installation' }, ...pods, ...lans, ...addressesOf(draft)]) // prettier-ignore
  }
  return {
    ...said,
    cidr,
    keyGeneration: before?.keyGeneration ?? 1,
    slug: said.slug ?? before?.slug ?? slugFor(said.name, new Set(others.map(({ slug }) => slug))),
  }
}

/** The name as a slug; with -2, -3 … when it is taken. */
function slugFor(name: string, taken: ReadonlySet<string>): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '').slice(0, 56) || 'network' // prettier-ignore
  for (let n = 1; ; n++) {
    const slug = n === 1 ? plain : `${plain}-${n}`
    if (!taken.has(slug)) return slug
  }
}

const lansOf = ({ lanSubnets, name }: { lanSubnets: readonly Prefix[]; name: string }): Owned[] =>
  lanSubnets.map((prefix) => ({ prefix, whose: `member ${name}` }))

const addressesOf = (draft: Draft): Owned[] =>
  [...draft.all('virtual_ip').values()].map(({ cidr, name }) => ({ prefix: cidr, whose: `virtual IP ${name}` }))

export function completeMember(said: SaidMember, around: Around<'member'>): Fields['member'] {
  const { id, before, draft, read, install } = around
  const { networkId, nodeId } = said
  const network = named(around, 'network_id', 'network', networkId)
  unchanged(read, 'network_id', before?.networkId, networkId)
  unchanged(read, 'node_instance_id', before?.nodeId, nodeId)
  const others = [...draft.all('member').values()].filter((member) => member.id !== id)
  const here = others.filter((member) => member.networkId === networkId)
  const taken = new Set(here.map(({ address }) => address))
  for (const { cidr } of draft.all('virtual_ip').values()) taken.add(cidr.replace(/\/\d+$/, ''))
  const address = before?.address ?? (network ? memberAddress(network.cidr, id, taken) : '')
  const ports = () => new Set([...around.portsInUse(nodeId), ...others.flatMap((member) => (member.nodeId === nodeId ? [member.listenPort] : []))]) // prettier-ignore
  const port = said.listenPort ?? before?.listenPort ?? listenPort(ports())
  if (port !== before?.listenPort && ports().has(port)) read.object('listen_port', `${port} is taken on this node`)
  if (said.lanSubnets.length > 0) {
    const pod = network?.podSubnet ? [{ prefix: network.podSubnet, whose: `the pods of network ${network.name}` }] : []
    const around_ = [{ prefix: install, whose: 'this installation' }, ...pod, ...here.flatMap(lansOf)]
    for (const lan of said.lanSubnets) refuseOverlap('the LAN', lan, around_)
    for (const lan of said.lanSubnets)
      if (said.lanSubnets.some((other) => other !== lan && cidrHolds(other, lan))) read.object('lan_subnets', `${lan} lies in another one of them`) // prettier-ignore
  }
  return {
    ...said,
    address,
    name: said.name ?? before?.name ?? `node-${nodeId}`,
    listenPort: port,
    endpointPort: said.endpointPort ?? port,
    publicKey: said.publicKey ?? before?.publicKey ?? null,
  }
}

/** An operator drains or removes the table of a network on a node; the service makes it. */
export function completeVrf(said: SaidVrf, { before, read, now }: Around<'vrf_assignment'>): Fields['vrf_assignment'] {
  const { nodeId, networkId, state } = said
  if (!before)
    read.object('id', 'assignments are made by the service, for members of networks with isolation dedicated_vrf')
  unchanged(read, 'node_instance_id', before?.nodeId, nodeId)
  unchanged(read, 'network_id', before?.networkId, networkId)
  const removedAt = state === 'removed' ? (before?.removedAt ?? now) : null
  return { nodeId, networkId, state, removedAt, tableId: before?.tableId ?? 0, vrfName: before?.vrfName ?? vrfName(nodeId, networkId) } // prettier-ignore
}

/** The members that an id may name in a network: none of another one. */
export const membersIn = (draft: Draft, networkId: Id, ids: readonly Id[]): readonly Id[] =>
  ids.filter((id) => draft.get('member', id)?.networkId === networkId)
