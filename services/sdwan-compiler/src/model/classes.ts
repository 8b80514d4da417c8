import type { Id, Member } from '../world.ts'
import { mustIp } from './address.ts'
import { kindOfPlace } from './kinds.ts'
import type { Model } from './model.ts'
import { type Place, memberPlace, placeOf } from './place.ts'

/** Places that no artifact tells apart, neither before a change nor after it. */
export type PlaceClass = {
  readonly key: string
  readonly networkId: Id
  /** Whether what is known of them is another thing than before. */
  readonly changed: boolean
  readonly names: readonly string[]
  /** Two that stand for all: a pair within the class needs two. Undefined where they were not there, or are not any more. */
  readonly some: readonly { readonly before: Place | undefined; readonly after: Place | undefined }[]
}

type Entry = {
  readonly name: string
  readonly networkId: Id
  readonly kinds: readonly [string | undefined, string | undefined]
  readonly places: () => PlaceClass['some'][number]
}

/** All members, virtual IPs and what peers have, each in its class. */
export function classesOf(before: Model | undefined, after: Model): readonly PlaceClass[] {
  const entries = [...memberEntries(before, after), ...otherEntries(before, after)]
  const groups = Map.groupBy(entries, ({ kinds }) => kinds.join(' ▸ '))
  return [...groups].map(([key, alike]): PlaceClass => {
    const [first] = alike
    const [was, is] = first?.kinds ?? []
    return {
      key,
      networkId: first?.networkId ?? '',
      changed: was !== is,
      names: alike.map(({ name }) => name),
      some: alike.slice(0, 2).map(({ places }) => places()),
    }
  })
}

function memberEntries(before: Model | undefined, after: Model): readonly Entry[] {
  const ids = new Set([...(before?.members.keys() ?? []), ...after.members.keys()])
  return [...ids].flatMap((id): Entry[] => {
    const [was, is] = [before?.members.get(id), after.members.get(id)]
    const member = is ?? was
    if (!member) return []
    const place = (model: Model | undefined, its: Member | undefined): Place | undefined =>
      model && its && memberPlace(model, its)
    return [
      {
        name: member.name,
        networkId: member.networkId,
        kinds: [was && before && kindOfPlace(before, was), is && kindOfPlace(after, is)],
        places: () => ({ before: place(before, was), after: place(after, is) }),
      },
    ]
  })
}

/** Each is a class of its own: whoever holds it, or whatever may cross, is part of what it is. */
function otherEntries(before: Model | undefined, after: Model): readonly Entry[] {
  const [was, is] = [before ? othersOf(before) : new Map<string, Other>(), othersOf(after)]
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name): Entry[] => {
    const [one, other] = [was.get(name), is.get(name)]
    const known = other ?? one
    if (!known) return []
    const place = (model: Model | undefined, its: Other | undefined): Place | undefined => {
      const found = model && its ? placeOf(model, its.address) : undefined
      return found && 'unknown' in found ? undefined : found
    }
    const places = (): PlaceClass['some'][number] => ({ before: place(before, one), after: place(after, other) })
    return [{ name, networkId: known.networkId, kinds: [one?.kind, other?.kind], places }]
  })
}

type Other = { readonly networkId: Id; readonly address: string; readonly kind: string }

function othersOf({ compiled: { world } }: Model): ReadonlyMap<string, Other> {
  const virtualIps = world.virtualIps.map(({ name, networkId, cidr, holders, anycast }): [string, Other] => {
    const [address = ''] = cidr.split('/')
    return [`virtual IP ${name}`, { networkId, address, kind: `virtual ${address} ${holders.join()} ${anycast}` }]
  })
  const peers = world.crossings.flatMap((crossing) => {
    const { networkId, accepted, advertised, peerId, gateways, remote } = crossing
    const ends = JSON.stringify([accepted, advertised, gateways, remote])
    return accepted.map((prefix): [string, Other] => [
      `federation:${peerId} ${prefix}`,
      { networkId, address: someoneIn(prefix), kind: `peer ${peerId} ${prefix} ${ends}` },
    ])
  })
  return new Map([...virtualIps, ...peers])
}

/** An address in a prefix, not the first: that is often a gateway's. */
function someoneIn(prefix: string): string {
  const [address = '', length = ''] = prefix.split('/')
  if (Number(length) === mustIp(address).hex.length * 4) return address
  return address.endsWith('::') ? `${address}ffff` : address
}
