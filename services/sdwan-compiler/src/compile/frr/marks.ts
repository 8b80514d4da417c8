import { hash } from 'node:crypto'
import type { Id } from '../../world.ts'
import { base32 } from '../names.ts'

/**
 * Every route inside the platform bears large communities (RFC 8092) that say what it is; its own words to itself, stripped at the
 * border. By them a route of one network never leaves for another that shares the node's main table, and a policy knows from whom a
 * route was learnt although a route reflector stands between. Who reflects sets them by the prefix, whatever a client said.
 */
export type Marks = {
  /** This route is of that network. */
  network(networkId: Id): string
  /** It comes from that member, or from that federation peer. */
  origin(id: Id): string
}

export function marksOf(asNumber: number): Marks {
  return {
    network: (networkId) => `${asNumber}:${numbers(`network/${networkId}`)}`,
    origin: (id) => `${asNumber}:${numbers(`origin/${id}`)}`,
  }
}

/** 64 bits of the whole id's hash, as the two free words of a large community. */
const numbers = remembering((text) => {
  const digest = hash('sha256', text, 'buffer')
  return `${digest.readUInt32BE(0)}:${digest.readUInt32BE(4)}`
})

/** A name of 12 characters for an id, in route-maps and lists. */
export const short = remembering((text) => base32(text))

const MOST_KNOWN = 65_536

/** The same ids come with every compile. */
function remembering(read: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const value = read(text)
    if (known.size === MOST_KNOWN) known.clear()
    known.set(text, value)
    return value
  }
}
