import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from '../../first-run/write-durably.ts'
import type { Counted } from '../back-ends/nftables.ts'

/** Rules that are long gone make room. */
const REMEMBERED_MAX = 20_000
const KEPT = z.record(z.string(), z.tuple([z.string(), z.string()]))

/**
 * What rules have seen, also while their table was replaced: a new table begins at nought, and what the old one had counted
 * is added to it. Kept by the id of the rule and its chain.
 */
export class Counters {
  readonly #path: string
  #former: Map<string, readonly [bigint, bigint]>

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'counters.json')
    this.#former = read(this.#path)
  }

  /** What was counted in a table that is replaced next. */
  async retire(counted: readonly Counted[]): Promise<void> {
    for (const { ruleId, chain, packets, bytes } of this.total(counted)) {
      const key = `${chain}\n${ruleId}`
      this.#former.delete(key) // the last that were counted stand last
      this.#former.set(key, [packets, bytes])
    }
    this.#former = new Map([...this.#former].slice(-REMEMBERED_MAX))
    const kept = [...this.#former].map(([key, [packets, bytes]]) => [key, [String(packets), String(bytes)]])
    await writeDurably(this.#path, JSON.stringify(Object.fromEntries(kept)), 0o600)
  }

  total(counted: readonly Counted[]): Counted[] {
    const now = Map.groupBy(counted, ({ ruleId, chain }) => `${chain}\n${ruleId}`)
    return [...now].map(([key, same]) => {
      const [packets, bytes] = this.#former.get(key) ?? [0n, 0n]
      const { ruleId, chain } = same[0] ?? { ruleId: '', chain: '' }
      return same.reduce((sum, each) => ({ ...sum, packets: sum.packets + each.packets, bytes: sum.bytes + each.bytes }), { ruleId, chain, packets, bytes }) // prettier-ignore
    })
  }
}

function read(path: string): Map<string, readonly [bigint, bigint]> {
  try {
    const kept = KEPT.parse(JSON.parse(readFileSync(path, 'utf8')))
    return new Map(Object.entries(kept).map(([key, [packets, bytes]]) => [key, [BigInt(packets), BigInt(bytes)]]))
  } catch {
    return new Map() // not there yet, or not whole: counting begins anew
  }
}
