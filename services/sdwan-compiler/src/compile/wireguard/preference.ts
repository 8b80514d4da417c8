import type { Id, Member } from '../../world.ts'

/**
 * Which hub a spoke uses, and which come after it: rendezvous hashing over the ids, so that spokes spread over the hubs,
 * everybody finds the same order alone, and a hub that comes or goes moves no spoke between two others.
 *
 * Spokes with the same order are given the same list.
 */
export class Preferences {
  readonly #hubs: readonly { readonly hub: Member; readonly seed: number }[]
  readonly #orders = new Map<string, readonly Member[]>()

  constructor(hubs: readonly Member[]) {
    this.#hubs = hubs.map((hub) => ({ hub, seed: hashOf(hub.id) }))
  }

  of(spokeId: Id): readonly Member[] {
    const spoke = hashOf(spokeId)
    const weighed = this.#hubs.map(({ hub, seed }) => ({ hub, weight: mixed(seed ^ spoke) }))
    weighed.sort((a, b) => b.weight - a.weight || (a.hub.id < b.hub.id ? -1 : 1))
    const key = weighed.map(({ hub }) => hub.id).join()
    const known = this.#orders.get(key)
    if (known) return known
    const order = weighed.map(({ hub }) => hub)
    this.#orders.set(key, order)
    return order
  }
}

/** FNV-1a over the characters, 32 bits, mixed. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mixed(hash)
}

/** The finalizer of MurmurHash3: every bit of the input moves half of the bits of the output. */
function mixed(value: number): number {
  let bits = value
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
