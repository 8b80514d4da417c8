import type { Id, Member } from '../world.ts'
import { type Ip, covers, holds, ipOf, mustIp, mustNet } from './address.ts'
import type { Model } from './model.ts'
import type { LogicalSwitch, SwitchPort } from './ovn/switch.ts'
import type { Start } from './way.ts'

/** Somebody in a question: where packets begin, and which address they bear. */
export type Place = {
  readonly name: string
  readonly ip: Ip
  /** Undefined: nothing of ours sends from there. */
  readonly start: Start | undefined
  readonly member: Member | undefined
  readonly port: { readonly on: LogicalSwitch; readonly port: SwitchPort } | undefined
}

export type NoPlace = { readonly unknown: string }

/** A member's id, `name` or `network/name`, a port of a logical switch as `switch/port`, or an address. */
export function placeOf(model: Model, text: string): Place | NoPlace {
  const ip = ipOf(text)
  if (ip) return addressPlace(model, text, ip)
  const members = membersCalled(model, text)
  const [member] = members
  if (members.length > 1)
    return { unknown: `${members.length} members are called ${text}: say which network, as network/${text}` }
  if (member) return memberPlace(model, member)
  const port = portCalled(model, text)
  const address = port?.port.addresses[0]
  if (port && address !== undefined)
    return { name: text, ip: mustIp(address), start: undefined, member: undefined, port }
  return { unknown: `nobody is called ${text}: say a member's id or name, or an address` }
}

export function memberPlace(model: Model, member: Member): Place {
  const node = model.nodes.get(member.nodeId)
  const its = model.interfaceOf(member)
  const start = node && its ? { node, vrf: its.vrfName, from: undefined } : undefined
  return { name: member.name, ip: mustIp(member.address), start, member, port: undefined }
}

/** All who bear a tag, in every network. */
export function tagged(model: Model, tag: string): readonly Place[] {
  return model.compiled.world.members
    .filter(({ tags }) => tags.includes(tag))
    .map((member) => memberPlace(model, member))
}

function membersCalled(model: Model, text: string): readonly Member[] {
  const byId = model.members.get(text)
  if (byId) return [byId]
  const [slug, name] = text.includes('/') ? text.split('/') : [undefined, text]
  const networks = new Map(model.compiled.world.networks.map((network) => [network.id, network.slug]))
  return model.compiled.world.members.filter(
    (member) => member.name === name && (slug === undefined || networks.get(member.networkId) === slug),
  )
}

function addressPlace(model: Model, name: string, ip: Ip): Place | NoPlace {
  const member = model.compiled.world.members.find(({ address }) => mustIp(address).hex === ip.hex)
  if (member) return memberPlace(model, member)
  const place = { name, ip, member: undefined, port: portAt(model, ip) }
  return { ...place, start: heldBy(model, ip) ?? behind(model, ip) ?? fromPeer(model, ip) }
}

/** A virtual IP speaks from the node that holds it. */
function heldBy(model: Model, ip: Ip): Start | undefined {
  for (const node of model.nodes.values()) {
    const held = node.plan.heldAddresses.find(({ cidr }) => holds(mustNet(cidr), ip))
    if (held) return { node, vrf: node.interface(held.interface)?.vrfName, from: undefined }
  }
  return undefined
}

/** In the LAN of a member: the longest prefix says behind whom. */
function behind(model: Model, ip: Ip): Start | undefined {
  let best: { member: Member; length: number } | undefined
  for (const member of model.compiled.world.members) {
    for (const lan of member.lanSubnets) {
      const net = mustNet(lan)
      if (holds(net, ip) && net.length > (best?.length ?? -1)) best = { member, length: net.length }
    }
  }
  const node = best && model.nodes.get(best.member.nodeId)
  const its = best && model.interfaceOf(best.member)
  return node && its && { node, vrf: its.vrfName, from: 'lan' }
}

/** From a federation peer: out of the tunnel at our preferred gateway that has one. */
function fromPeer(model: Model, ip: Ip): Start | undefined {
  const host = { ...ip, length: ip.hex.length * 4 }
  const crossing = model.compiled.world.crossings.find(({ accepted }) =>
    accepted.some((each) => covers(mustNet(each), host)),
  )
  return crossing && crossingStart(model, crossing.peerId)
}

export function crossingStart(model: Model, peerId: Id): Start | undefined {
  for (const { memberId } of model.crossings.get(peerId)?.gateways ?? []) {
    const node = model.nodes.get(model.members.get(memberId)?.nodeId ?? '')
    const its = node?.plan.interfaces.find(({ owner }) => owner.kind === 'crossing' && owner.peerId === peerId)
    if (node && its) return { node, vrf: its.vrfName, from: its }
  }
  return undefined
}

function portCalled(model: Model, text: string): Place['port'] {
  for (const on of model.switches.values()) {
    const port = text.startsWith(`${on.name}/`) ? on.ports.get(text.slice(on.name.length + 1)) : undefined
    if (port) return { on, port }
  }
  return undefined
}

function portAt(model: Model, ip: Ip): Place['port'] {
  for (const on of model.switches.values()) {
    for (const port of on.ports.values()) {
      if (port.addresses.some((address) => mustIp(address).hex === ip.hex)) return { on, port }
    }
  }
  return undefined
}
