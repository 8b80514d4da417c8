import type { FirewallRule, Member } from '../../world.ts'
import { differenceOf, only, patched } from '../difference.ts'
import { kept } from '../memo.ts'

export type Tagged = ReadonlyMap<string, readonly Member[]>

/** The members who bear each of the tags that rules name, by id; a list that did not change is the very same. One of these for each network. */
export class Tags {
  #seen: { readonly rules: readonly FirewallRule[]; readonly members: readonly Member[] } | undefined
  #tagged: Tagged = new Map()

  of(rules: readonly FirewallRule[], members: readonly Member[]): Tagged {
    const known = this.#seen?.rules === rules ? this.#seen.members : undefined
    this.#tagged = known ? this.#after(known, members) : tagged(rules, members, this.#tagged)
    this.#seen = { rules, members }
    return this.#tagged
  }

  #after(before: readonly Member[], members: readonly Member[]): Tagged {
    const change = differenceOf(before, members)
    const after = new Map(this.#tagged)
    for (const tag of new Set([...change.gone, ...change.come].flatMap(({ tags }) => tags))) {
      const known = after.get(tag)
      if (known) after.set(tag, kept(known, patched(known, only(change, ({ tags }) => tags.includes(tag))))) // prettier-ignore
    }
    return after
  }
}

function tagged(rules: readonly FirewallRule[], members: readonly Member[], before: Tagged): Tagged {
  const lists = new Map<string, Member[]>()
  for (const { src, dst } of rules) {
    for (const selector of [src, dst]) if (selector.kind === 'tag') lists.set(selector.tag, [])
  }
  for (const member of members) for (const tag of new Set(member.tags)) lists.get(tag)?.push(member)
  return new Map([...lists].map(([tag, list]) => [tag, kept(before.get(tag), list)]))
}
