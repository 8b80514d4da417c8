import type { WireGuardInterface } from '../plan.ts'
import type { Ip } from './address.ts'
import type { Model, TunnelEnd } from './model.ts'
import type { ModelNode } from './model-node.ts'
import type { TunnelPeer } from './wireguard.ts'

export type HandOver =
  | { readonly kind: 'node'; readonly node: ModelNode; readonly interface: WireGuardInterface }
  | { readonly kind: 'peer' }
  | { readonly kind: 'lost'; readonly why: string }

type Sent = {
  readonly node: ModelNode
  readonly interface: WireGuardInterface
  readonly src: Ip
  readonly dst: Ip
}

/**
 * WireGuard takes a packet over: the peer whose AllowedIPs hold where it goes gets it, and takes it only if its own AllowedIPs
 * for us hold where it comes from. Both MUST know each other's key, share a preshared key or have none, and one of them has
 * to know where the other is.
 */
export function handOver(model: Model, { node, interface: out, src, dst }: Sent): HandOver {
  const tunnel = node.tunnel(out.name)
  const ours = model.keyOf(node.id, out.name)
  const theirs = tunnel.owners.lookup(dst)?.value
  if (ours === undefined) return lost(`${out.name} has no key yet`)
  if (theirs === undefined) return lost(`no tunnel of ${out.name} carries the address`)
  const end = model.end(theirs)
  if (!end) return lost(`nobody has the key at the other end of ${out.name}`)
  const peer = tunnel.peers.get(theirs)
  if (end.kind === 'theirs') {
    const dialled = peer?.endpoint === undefined || model.keyAt(peer.endpoint) === theirs
    return dialled ? { kind: 'peer' } : lost('the tunnel calls somebody else than the gateway it means')
  }
  const back = end.node.tunnel(end.interface.name)
  const known = back.peers.get(ours)
  if (!known || !peer) return lost('the other end does not know our key')
  if (!meets(model, end, theirs, peer) && !meets(model, end, ours, known)) {
    return lost('neither end of the tunnel knows where the other is')
  }
  if (node.pairOf(out.name, theirs) !== end.node.pairOf(end.interface.name, ours))
    return lost('the two ends have different preshared keys')
  if (back.owners.lookup(src)?.value !== ours) return lost('the other end does not allow the source address from us')
  return { kind: 'node', node: end.node, interface: end.interface }
}

/** Whether an end knows where the key it talks to is to be found. */
function meets(model: Model, _end: TunnelEnd, key: string, peer: TunnelPeer): boolean {
  return peer.endpoint !== undefined && model.keyAt(peer.endpoint) === key
}

function lost(why: string): HandOver {
  return { kind: 'lost', why }
}
