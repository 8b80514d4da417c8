import { readBlock, type Block } from '@powernode/policy'
import { isV6 } from './patterns.ts'

/**
 * Whether an address lies in one of many prefixes: as dear with ten thousand of them as with one. Whoever opens connections decides
 * how many are judged, and the agent does nothing else meanwhile.
 */
export class Places {
  /** By family and length. */
  readonly #known = new Map<string, { readonly bits: number; readonly starts: Set<string> }>()

  constructor(prefixes: Iterable<string>) {
    for (const prefix of prefixes) {
      const block = readBlock(prefix)
      if (!block) continue
      const kind = `${familyOf(prefix)}/${block.bits}`
      const known = this.#known.get(kind) ?? { bits: block.bits, starts: new Set() }
      this.#known.set(kind, known)
      known.starts.add(startOf(block, block.bits))
    }
  }

  hold(address: string): boolean {
    const block = readBlock(address)
    if (!block) return false
    const family = familyOf(address)
    for (const [kind, { bits, starts }] of this.#known)
      if (kind.startsWith(family) && starts.has(startOf(block, bits))) return true
    return false
  }
}

const familyOf = (text: string): string => (isV6(text) ? 'v6' : 'v4')

const startOf = ({ words }: Block, bits: number): string =>
  words.map((word, at) => (word & maskOf(at, bits)) >>> 0).join()

function maskOf(at: number, bits: number): number {
  const covered = Math.min(32, Math.max(0, bits - at * 32))
  return covered === 0 ? 0 : -1 << (32 - covered)
}
