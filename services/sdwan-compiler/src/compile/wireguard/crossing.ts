import type { StaticRoute, WireGuardInterface } from '../../plan.ts'
import type { Crossing, Member } from '../../world.ts'
import { crossingInterfaceName } from '../names.ts'
import { vrfOf, type WorldIndex } from '../world-index.ts'
import { interfaceHead, stanza } from './config.ts'

/**
 * The tunnel to a federation peer, at one of our gateways. What the peer has stands with the first of its gateways, and goes to
 * the next when that one dies; each of them carries its own address always, over which BGP speaks.
 *
 * The interface is there before the other end is known: the key that its node makes is what we offer.
 */
export function crossingInterface(index: WorldIndex, crossing: Crossing, gateway: Member): WireGuardInterface {
  const { peerId, networkId, remote, accepted, pair } = crossing
  const listenPort = crossing.gateways.find(({ memberId }) => memberId === gateway.id)?.listenPort ?? 0
  const peers = remote.map(({ publicKey, endpoint, address }, at) =>
    stanza({
      publicKey,
      allowed: [`${address}/128`, ...(at === 0 ? accepted.filter((prefix) => prefix !== `${address}/128`) : [])],
      endpoint,
      keepalive: endpoint !== undefined,
    }),
  )
  const ends = remote.map(({ publicKey, address }) => ({ publicKey, address }))
  const moving = accepted.filter((prefix) => !ends.some(({ address }) => `${address}/128` === prefix))
  return {
    name: crossingInterfaceName(peerId, gateway.id),
    owner: { kind: 'crossing', peerId },
    addresses: [`${gateway.address}/128`],
    mtu: index.networks.get(networkId)?.network.mtu ?? 1420,
    listenPort,
    config: interfaceHead(listenPort) + peers.join(''),
    preshared: pair === '' ? [] : remote.map(({ publicKey }) => ({ publicKey, pair })),
    vrfName: vrfOf(index, gateway.nodeId, networkId)?.vrfName,
    routes: routesOf(index, crossing),
    standby: ends.length > 1 && moving.length > 0 ? [{ prefixes: moving, peers: ends }] : [],
  }
}

/** The ends of the tunnel; what lies behind them is told by BGP, and only where that is switched off it stands fast. */
function routesOf({ world }: WorldIndex, { peerId, remote, accepted }: Crossing): readonly StaticRoute[] {
  const ends = remote.map(({ address }) => `${address}/128`)
  const prefixes = world.platform.bgp.enabled || remote.length === 0 ? ends : [...new Set([...ends, ...accepted])]
  return prefixes.map((prefix) => ({ prefix, metric: 0, source: `federation:${peerId}` }))
}
