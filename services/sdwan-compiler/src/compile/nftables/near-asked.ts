import { blocksOverlap, type Block } from '@powernode/policy'
import type { Member, Prefix } from '../../world.ts'
import { blocksOf, concerns, type NearRule } from './near.ts'

/** The rules that spokes may have to keep, in each of the two stages. */
export type Near = { readonly leave: readonly NearRule[]; readonly arrive: readonly NearRule[] }

/** Which of them one spoke has to keep: a 1 or a 0 for each. */
export type Mine = { readonly leave: string; readonly arrive: string }

/** Answers which rules concern a spoke. Thousands have the same tags and lie in the same prefixes: each kind of them is looked at once. */
export class NearAsked {
  readonly #near: Near
  readonly #named: ReadonlySet<string>
  readonly #blocks: readonly Block[]
  readonly #known = new Map<string, Mine>()

  constructor(near: Near) {
    this.#near = near
    const rules = [...near.leave, ...near.arrive]
    this.#named = new Set(rules.filter(({ kind }) => kind === 'member').map(({ is }) => is))
    const blocks = new Map(rules.flatMap(({ is, block }) => (block ? [[is, block] as const] : [])))
    this.#blocks = [...blocks.values()]
  }

  by(member: Member, own: Iterable<Prefix>): Mine {
    const has = this.#blocks.length > 0 ? blocksOf(member, own) : []
    const within = this.#blocks.map((block) => (has.some((its) => blocksOverlap(its, block)) ? 1 : 0))
    const kind = [this.#named.has(member.id) ? member.id : '', within.join(''), ...member.tags].join(' ')
    const known = this.#known.get(kind)
    if (known) return known
    const bits = (rules: readonly NearRule[]): string =>
      rules.map((rule) => (concerns(rule, member, has) ? '1' : '0')).join('')
    const mine = { leave: bits(this.#near.leave), arrive: bits(this.#near.arrive) }
    this.#known.set(kind, mine)
    return mine
  }
}
