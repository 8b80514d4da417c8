import type { Id, Member, Network } from '../world.ts'
import type { WireGuardInterface } from '../plan.ts'
import { type Ip, holds, mustIp, mustNet } from './address.ts'
import type { Model } from './model.ts'
import type { ModelNode } from './model-node.ts'
import type { Tunnel } from './wireguard.ts'

/**
 * Whom no artifact tells apart: the same answer holds for all of one kind, so that of 5,000 members some hundred are asked. A kind
 * is made of what the member's own node is given, with its own names taken out, and of what those who look at everybody's traffic
 * have of it: sets and prefixes that its address lies in, and the tunnel that carries it.
 */
export function kindOfPlace(model: Model, member: Member): string {
  const known = model.kinds.get(member.id)
  if (known !== undefined) return known
  const ip = addressOf(member)
  let kind = `${member.networkId}|${ownShape(model, member)}|${meant(model, { member, ip })}|${ip.family}`
  for (const watch of watchesOf(model, member.networkId)) kind += `|${seenBy(watch, { member, ip })}`
  model.kinds.set(member.id, kind)
  return kind
}

const addresses = new WeakMap<Member, Ip>()

/** Read once: a member that stays the same is asked about with every change. */
function addressOf(member: Member): Ip {
  const ip = addresses.get(member) ?? mustIp(member.address)
  addresses.set(member, ip)
  return ip
}

/** Beyond so many, a mesh is judged by some of its members: the answer is then a sample. */
export const MOST_WATCHERS = 16

/** Nodes whose artifacts know members by name: hubs, and in a mesh everybody. */
export function watchersOf(model: Model, networkId: Id): readonly ModelNode[] {
  const known = model.watchers.get(networkId)
  if (known) return known
  const { networks, members } = model.compiled.world
  const network = networks.find(({ id }) => id === networkId)
  const its = members.filter((member) => member.networkId === networkId)
  const carries = (member: Member): boolean => member.publiclyReachable || network?.topology === 'full_mesh'
  const nodes = its.filter(carries).flatMap(({ nodeId }) => model.nodes.get(nodeId) ?? [])
  const watchers = nodes.slice(0, MOST_WATCHERS)
  model.watchers.set(networkId, watchers)
  return watchers
}

/** A watcher's interface in a network. */
export type Watch = { readonly node: ModelNode; readonly interface: WireGuardInterface; readonly tunnel: Tunnel }

function watchesOf(model: Model, networkId: Id): readonly Watch[] {
  const known = model.watches.get(networkId)
  if (known) return known
  const watches = watchersOf(model, networkId).flatMap((node): Watch[] => {
    const its = node.plan.interfaces.find(
      ({ owner }) => owner.kind === 'member' && model.members.get(owner.memberId)?.networkId === networkId,
    )
    return its ? [{ node, interface: its, tunnel: node.tunnel(its.name) }] : []
  })
  model.watches.set(networkId, watches)
  return watches
}

function seenBy({ node, interface: its, tunnel }: Watch, { member, ip }: { member: Member; ip: Ip }): string {
  const { publicKey = '' } = member
  const by = tunnel.owners.lookup(ip)?.value
  const peer = tunnel.peers.get(publicKey)
  const way = by === undefined ? 'none' : by === publicKey ? 'own' : by
  const carried = (peer?.allowedIps.length ?? 0) > 2 ? member.id : (peer?.allowedIps.length ?? '-')
  const pair = its.preshared.length > 0 && node.pairOf(its.name, publicKey) !== undefined
  return `${node.firewall.kindOf(ip)} ${way} ${carried} ${peer?.endpoint ?? ''} ${pair}`
}

/** What the rules of its network say of it: which of their selectors mean it. Spokes have rules that no hub has. */
function meant(model: Model, { member, ip }: { readonly member: Member; readonly ip: Ip }): string {
  let words = ''
  for (const { tag, net } of selectorsOf(model, member.networkId))
    words += (tag === undefined ? net && holds(net, ip) : member.tags.includes(tag)) ? '1' : '0'
  return words
}

function selectorsOf(
  model: Model,
  networkId: Network['id'],
): Model['selectors'] extends Map<string, infer S> ? S : never {
  const known = model.selectors.get(networkId)
  if (known) return known
  const rules = model.compiled.world.rules.filter((rule) => rule.networkId === networkId)
  const all = rules.flatMap(({ src, dst }) => [src, dst])
  const tags = [...new Set(all.flatMap((one) => (one.kind === 'tag' ? [one.tag] : [])))].toSorted()
  const cidrs = [...new Set(all.flatMap((one) => (one.kind === 'cidr' ? [one.cidr] : [])))].toSorted()
  const members = all.flatMap((one) => (one.kind === 'member' ? [model.members.get(one.memberId)?.address ?? ''] : []))
  const nets = [...cidrs, ...new Set(members.filter((address) => address !== ''))]
  const selectors = [
    ...tags.map((tag) => ({ tag, net: undefined })),
    ...nets.map((cidr) => ({ tag: undefined, net: mustNet(cidr) })),
  ]
  model.selectors.set(networkId, selectors)
  return selectors
}

/** A node's artifacts without its own names: two spokes that differ in nothing else have one shape. */
function ownShape(model: Model, member: Member): string {
  const node = model.nodes.get(member.nodeId)
  if (!node) return 'none'
  const { plan } = node
  const own = plan.interfaces.find(({ owner }) => owner.kind === 'member' && owner.memberId === member.id)
  const alone = plan.interfaces.length === 1 && own && plan.heldAddresses.length === 0 && !plan.ovn
  if (!alone || member.publicKey === undefined || member.lanSubnets.length > 0 || member.publiclyReachable)
    return member.id
  return node.shape(() => {
    const { config, routes, vrfName = '', preshared } = own
    const texts = [config.replace(/^ListenPort.*$/m, ''), plan.nftables, plan.frr.replaceAll(NAMES_OF_ROUTERS, '')]
    const secrets = preshared.map(({ publicKey }) => publicKey).join()
    const rest = `${JSON.stringify(routes)} ${vrfName === '' ? '' : 'vrf'} ${secrets}`
    const plain = [...texts, rest].map((text) => withoutNames(text, [own.name, member.address, vrfName, member.id]))
    return model.shapes.number(plain.join('\n'))
  })
}

const NAMES_OF_ROUTERS = /^(?:hostname| bgp router-id| bgp cluster-id) .*$/gm

/** In one pass, and none where no name is: of 5,000 nodes these are megabytes of text. */
function withoutNames(text: string, names: readonly string[]): string {
  const there = names.filter((name) => name !== '' && text.includes(name))
  if (there.length === 0) return text
  const any = there.map((name) => name.replaceAll('.', String.raw`\.`)).join('|')
  return text.replaceAll(new RegExp(`(?<![0-9a-z:])(?:${any})(?![0-9a-z:])`, 'g'), (name) => `%${names.indexOf(name)}`)
}

/** Numbers for texts: the same text has the same number. */
export class Shapes {
  readonly #numbers = new Map<string, string>()

  number(text: string): string {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const number = `s${this.#numbers.size}`
    this.#numbers.set(text, number)
    return number
  }
}
