import type { NodeState, WireGuardInterface } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { checkFrrConfig } from './frr-config.ts'
import { checkNftScript } from './nft-script.ts'
import { checkOvnEnding, checkOvnPlan, type OvnChanges } from './ovn-plan.ts'
import {
  bare,
  INTERFACE,
  INTERFACES_MAX,
  isAddress,
  isHostOrLinkLocal,
  isHostPrefix,
  isLinkLocal,
  isPort,
  isPrefix,
  UUID,
  VERSION,
  VRF,
  WIREGUARD_KEY,
} from './patterns.ts'
import { readWireGuardConfig, type WireGuardPeer } from './wireguard-config.ts'

/** What a node has to look like, once nothing stands in it that is not ours to do. Everything below works from this. */
export type CheckedState = {
  readonly version: string
  readonly interfaces: readonly Tunnel[]
  readonly vrfs: readonly { readonly name: string; readonly tableId: number }[]
  /** Empty: no table. */
  readonly nftables: string
  /** Empty: no BGP. */
  readonly frr: string
  readonly ovn: OvnChanges | undefined
  /** Databases out of which everything of ours goes. */
  readonly ovnEndings: readonly OvnChanges[]
  readonly tests: readonly Try[]
}

export type Tunnel = {
  readonly name: string
  readonly mtu: number
  readonly listenPort: number
  /** Of the interface itself, and those of virtual IPs that it holds. */
  readonly addresses: readonly string[]
  readonly peers: readonly WireGuardPeer[]
  readonly presharedKeys: ReadonlyMap<string, string>
  /** What the control plane holds of our key. */
  readonly publicKey: string
  readonly vrf: string | undefined
  readonly routes: readonly { readonly prefix: string; readonly metric: number }[]
  readonly standby: readonly Standby[]
}

/** Prefixes that go with the first of these peers who is heard of. */
export type Standby = {
  readonly prefixes: readonly string[]
  readonly peers: readonly { readonly publicKey: string; readonly address: string }[]
}

export type Try = {
  readonly testId: string
  readonly address: string
  readonly protocol: 'tcp' | 'udp' | 'icmp6'
  readonly port: number
}

/** A state that asks for what the control plane has no say in. */
export class StateRefused extends Error {
  override readonly name = 'StateRefused'
}

export type Limits = {
  /** The node that we are, by our certificate. */
  readonly instanceId: string
  /** Northbound databases that may be written; empty: any over the network. */
  readonly ovnEndpoints: readonly string[]
  /** Ports of the node itself that no mapping takes: the way in for its operator. */
  readonly keptPorts: readonly number[]
}

/** default, main and local (rtnetlink(7)). */
const TABLES_OF_THE_KERNEL = [0, 253, 254, 255]
const MTU = { least: 1_280, most: 9_000 }
const METRIC_MAX = 2 ** 31 - 1

/** Reads a state, or throws `StateRefused` with what is wrong with it. Pure: nothing of the machine is asked. */
export function checkState(state: NodeState, limits: Limits): CheckedState {
  try {
    return checked(state, limits)
  } catch (error) {
    throw new StateRefused(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function checked(state: NodeState, { instanceId, ovnEndpoints, keptPorts }: Limits): CheckedState {
  need(state.nodeInstanceId === instanceId, 'it is the state of another node')
  need(VERSION.test(state.version), 'its version is none')
  const vrfs = state.vrfs.map(({ name, tableId }) => {
    need(VRF.test(name), 'a VRF has a name that is not ours', name)
    need(
      tableId >= 1 && tableId <= 65_535 && !TABLES_OF_THE_KERNEL.includes(tableId),
      'a VRF has no table of its own',
      name,
    )
    return { name, tableId }
  })
  const names = vrfs.map(({ name }) => name)
  need(state.interfaces.length <= INTERFACES_MAX, 'there are more interfaces than a node has')
  const interfaces = state.interfaces.map((each) => tunnelOf(each, names))
  for (const { cidr, interface: on } of state.heldAddresses) {
    need(isHostPrefix(cidr), 'a virtual IP is no single address', cidr)
    const holder = interfaces.findIndex(({ name }) => name === on)
    const tunnel = interfaces[holder]
    need(tunnel !== undefined, 'a virtual IP is on an interface that is not ours', on)
    interfaces[holder] = { ...tunnel, addresses: [...new Set([...tunnel.addresses, cidr])] }
  }
  needDistinct('interfaces', interfaces.map(({ name }) => name)) // prettier-ignore
  needDistinct('listen ports', interfaces.map(({ listenPort }) => String(listenPort))) // prettier-ignore
  needDistinct('VRFs', names)
  needDistinct('VRF tables', vrfs.map(({ tableId }) => String(tableId))) // prettier-ignore
  const addresses = new Set(interfaces.flatMap((each) => each.addresses).filter(isHostPrefix).map(bare)) // prettier-ignore
  checkNftScript(state.nftables, { keptPorts, addresses })
  checkFrrConfig(state.frr, { vrfs: names, interfaces: interfaces.map(({ name }) => name) })
  return {
    version: state.version,
    interfaces,
    vrfs,
    nftables: state.nftables,
    frr: state.frr,
    ovn: state.ovn && checkOvnPlan(state.ovn, ovnEndpoints),
    ovnEndings: state.ovnEndings.map((plan) => checkOvnEnding(plan, ovnEndpoints)),
    tests: state.tests.map(({ testId, address, protocol, port }) => {
      need(UUID.test(testId) && isAddress(address), 'a test has no address', address)
      need(protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp6', 'a test has no protocol', protocol)
      need(protocol === 'icmp6' || isPort(port), 'a test has no port', address)
      return { testId, address, protocol, port }
    }),
  }
}

function tunnelOf(said: WireGuardInterface, vrfs: readonly string[]): Tunnel {
  const { name, mtu, listenPort, publicKey, vrfName } = said
  need(INTERFACE.test(name), 'an interface has a name that is not ours', name)
  need(said.addresses.every(isHostOrLinkLocal), 'an interface has an address that is no single one', name)
  need(mtu >= MTU.least && mtu <= MTU.most, 'an interface has no MTU', name)
  need(isPort(listenPort), 'an interface has no port', name)
  need(publicKey === '' || WIREGUARD_KEY.test(publicKey), 'an interface has a public key that is none', name)
  need(vrfName === '' || vrfs.includes(vrfName), 'an interface is in a VRF that is not there', name)
  const { peers: inAll, listenPort: inConfig = listenPort } = readWireGuardConfig(said.config)
  const closed = new Set(said.withheld.filter((key) => !Object.hasOwn(said.preshared, key)))
  const peers = inAll.filter((peer) => !closed.has(peer.publicKey))
  need(inConfig === listenPort, 'an interface has two ports', name)
  const preshared = Object.entries(said.preshared)
  need(preshared.every((pair) => pair.every((key) => WIREGUARD_KEY.test(key))), 'a preshared key is none', name) // prettier-ignore
  const routes = said.routes.map(({ prefix, metric }) => {
    need(isPrefix(prefix) && metric >= 0 && metric <= METRIC_MAX, 'a route leads where no network is', prefix)
    return { prefix, metric }
  })
  needDistinct(`routes of ${name}`, routes.map(({ prefix, metric }) => `${prefix} metric ${metric}`)) // prettier-ignore
  const keys = new Set(peers.map((peer) => peer.publicKey))
  const standby = said.standby.flatMap((group) => {
    need(group.prefixes.every(isPrefix), 'a standby takes over what no network has', name)
    const others = group.peers.filter((peer) => !closed.has(peer.publicKey))
    need(
      others.every((peer) => keys.has(peer.publicKey) && (isAddress(peer.address) || isLinkLocal(peer.address))),
      'a standby is no peer',
      name,
    )
    return others.length === 0 ? [] : [{ prefixes: group.prefixes, peers: others }]
  })
  return {
    name,
    mtu,
    listenPort,
    publicKey,
    addresses: said.addresses,
    peers,
    presharedKeys: new Map(preshared),
    vrf: vrfName === '' ? undefined : vrfName,
    routes,
    standby,
  }
}

// oxlint-disable-next-line max-params -- as an assertion is written
function need(holds: boolean, problem: string, about?: string): asserts holds {
  if (!holds) throw new Error(about === undefined ? problem : `${problem}: ${JSON.stringify(about.slice(0, 80))}`)
}

function needDistinct(what: string, values: readonly string[]): void {
  need(new Set(values).size === values.length, `two ${what} are the same`)
}

/** The state of a node that is in no network. */
export const NOTHING: CheckedState = {
  version: '',
  interfaces: [],
  vrfs: [],
  nftables: '',
  frr: '',
  ovn: undefined,
  ovnEndings: [],
  tests: [],
}
