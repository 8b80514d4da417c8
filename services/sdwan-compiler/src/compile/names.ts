import { hash } from 'node:crypto'
import type { Address, Id } from '../world.ts'

/**
 * Names that the kernel and its tools know things by. Each is made of the whole id: ids of one morning share their first
 * half, and two networks whose names come out alike would flush one another's rules. 60 bits of SHA-256 leave a machine
 * with 10,000 interfaces a chance of 1 in 20 thousand million that two are alike, within the 15 characters of IFNAMSIZ.
 */

/** The WireGuard interface of a member, on its node. */
export const interfaceName = (memberId: Id): string => wgOf(digestOf(memberId))

/** The WireGuard interface towards a federation peer, on the node of the member that is our gateway. */
export const crossingInterfaceName = (peerId: Id, gatewayMemberId: Id): string =>
  `fx-${base32(`${peerId}/${gatewayMemberId}`)}`

/** The VRF of a network on a node. Of both, since VRFs that are network namespaces share their names with a whole machine. */
export const vrfName = (nodeId: Id, networkId: Id): string => `vr-${base32(`${nodeId}/${networkId}`)}`

/**
 * Where a member is asked for signs of life by those who have a tunnel to it: fe80::/64 and 64 bits of its id. The address
 * inside the network will not do: it stands with another peer while a hub carries for it.
 */
export const linkLocalAddress = (memberId: Id): Address => linkLocalOf(digestOf(memberId))

/** Both of a member, of one hash. */
export function namesOf(memberId: Id): MemberNames {
  const digest = digestOf(memberId)
  return { interface: wgOf(digest), linkLocal: linkLocalOf(digest) }
}

export type MemberNames = { readonly interface: string; readonly linkLocal: Address }

const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer')

const wgOf = (digest: Buffer): string => `wg-${lettersOf(digest, 12)}`

function linkLocalOf(digest: Buffer): Address {
  // Never zero at either end, so that the canonical spelling needs no second `::`.
  const groups = [0, 2, 4, 6].map((at) => (digest.readUInt16BE(at) | 1).toString(16))
  return `fe80::${groups.join(':')}`
}

/** A name of letters and digits, so long that it is nobody else's: for route-maps, prefix-lists and the like. */
export const base32 = (text: string, characters = 12): string => lettersOf(digestOf(text), characters)

function lettersOf(digest: Buffer, characters: number): string {
  let [bits, held, name] = [0, 0, '']
  for (const byte of digest) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5 && name.length < characters) {
      bits -= 5
      name += ALPHABET[(held >>> bits) & 31] ?? ''
    }
    held &= (1 << bits) - 1
  }
  return name
}

/** RFC 4648 in lower case. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** On connections that no rule lets through any more (node.proto): the letters PGD, and a zero. */
export const GONE_MARK = 0x50_47_44_00

/** An id as nft takes it in a name: `net_0190…_in`. */
export const bare = (id: Id): string => id.replaceAll('-', '')
