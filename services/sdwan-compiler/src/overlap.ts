import { cidrHolds, cidrsOverlap, inSomeCidr } from '@powernode/policy'
import type { Id, Prefix, RemoteGateway } from './world.ts'

/** A prefix that is taken, and by whom: `install`, `network:<id>`, `member:<id>`, `virtual_ip:<id>` or `peer:<id>`. */
export type Taken = { readonly prefix: Prefix; readonly by: string }

export type Overlap = { readonly prefix: Prefix; readonly withPrefix: Prefix; readonly with: string }

/** Everything that a prefix of a peer must not touch: the first of each that it does. */
export function overlapsOf(prefixes: readonly Prefix[], taken: readonly Taken[]): readonly Overlap[] {
  return prefixes.flatMap((prefix) => {
    const found = taken.find((one) => cidrsOverlap(one.prefix, prefix))
    return found ? [{ prefix, withPrefix: found.prefix, with: found.by }] : []
  })
}

/** What one peer says, and what our operators accept of it. */
export type Claim = {
  readonly peerId: Id
  /** What the peer's platform says of itself that it has. Empty: nothing. */
  readonly description: string
  readonly advertised: readonly Prefix[]
  readonly gateways: readonly RemoteGateway[]
  readonly accept: readonly Prefix[]
}

export type Routed = {
  readonly peerId: Id
  readonly accepted: readonly Prefix[]
  readonly gateways: readonly RemoteGateway[]
  /** Of what was advertised: not routed, since it is not the peer's or is somebody's already. */
  readonly refused: readonly Prefix[]
}

/**
 * What is routed to each peer: advertised ∩ accepted, inside what its description has, and nobody's already. Of two peers the
 * one whose claim comes first keeps what both claim.
 *
 * A gateway's address is routed too, though nobody accepted it by name: so it comes after all that was accepted, and one that
 * lies in what another peer was let in with is none. Else a peer could say where its gateway is, and take a prefix from another.
 */
export function routed(claims: readonly Claim[], ours: readonly Taken[]): readonly Routed[] {
  const taken = [...ours]
  const judged = claims.map((claim) => {
    const mine = prefixesOf(claim, taken)
    taken.push(...mine.accepted.map((prefix) => ({ prefix, by: byPeer(claim) })))
    return { claim, ...mine }
  })
  return judged.map(({ claim, accepted, refused }) => {
    const others = taken.filter(({ by }) => by !== byPeer(claim))
    const gateways = claim.gateways.filter(({ address }) => isFree(claim, `${address}/128`, others))
    taken.push(...gateways.map(({ address }) => ({ prefix: `${address}/128`, by: byPeer(claim) })))
    return { peerId: claim.peerId, accepted, gateways, refused }
  })
}

const byPeer = ({ peerId }: Claim): string => `peer:${peerId}`

// oxlint-disable-next-line max-params -- whose, what, and what it must not touch
const isFree = ({ description }: Claim, prefix: Prefix, taken: readonly Taken[]): boolean =>
  description !== '' && cidrHolds(description, prefix) && overlapsOf([prefix], taken).length === 0

function prefixesOf(claim: Claim, taken: readonly Taken[]): Pick<Routed, 'accepted' | 'refused'> {
  const { advertised, accept } = claim
  const both = advertised.flatMap((prefix) => accept.flatMap((within) => meet(prefix, within)))
  return {
    accepted: withoutHeld(both.filter((prefix) => isFree(claim, prefix, taken))),
    refused: advertised.filter((prefix) => !isFree(claim, prefix, taken)),
  }
}

/** What two prefixes have in common: the longer of them, or nothing. */
function meet(one: Prefix, other: Prefix): readonly Prefix[] {
  if (cidrHolds(one, other)) return [other]
  return cidrHolds(other, one) ? [one] : []
}

/** Sorted, each once, and none that lies in another. */
function withoutHeld(prefixes: readonly Prefix[]): readonly Prefix[] {
  const each = [...new Set(prefixes)].toSorted()
  return each.filter((prefix) => !each.some((other) => other !== prefix && cidrHolds(other, prefix)))
}

/** What we tell a peer that it can reach: what was chosen, or the whole network; and always the ends of the tunnel. */
export function advertisedOf(
  chosen: readonly Prefix[],
  network: Prefix,
  gatewayAddresses: readonly string[],
): readonly Prefix[] {
  const prefixes = chosen.length > 0 ? chosen : [network]
  const ends = gatewayAddresses.filter((address) => !inSomeCidr(prefixes, address)).map((address) => `${address}/128`)
  return [...new Set([...prefixes, ...ends])].toSorted()
}
