import { hash } from 'node:crypto'
import type { Standby } from '../../plan.ts'
import type { Id, Member } from '../../world.ts'
import { wayOutside, type Group } from './spokes.ts'

/** What one hub makes of a group of spokes. */
export type GroupView = {
  /** Their sections. */
  readonly stanzas: string
  /** Of all of it, the standby in words. */
  readonly digest: string
  /** What of them goes by which other hub. */
  readonly beyond: ReadonlyMap<Id, string>
  readonly standby: readonly Standby[]
}

const views = new WeakMap<Group, Map<Id, GroupView>>()

/** Made once for each hub: a group is another one as soon as one of its spokes is, or the order of hubs. */
export function viewOf(group: Group, hub: Member): GroupView {
  const known = views.get(group) ?? new Map<Id, GroupView>()
  views.set(group, known)
  const view = known.get(hub.id) ?? made(group, hub)
  known.set(hub.id, view)
  return view
}

function made(group: Group, hub: Member): GroupView {
  const stanzas: string[] = []
  const beyond = new Map<Id, string[]>()
  const standby: Standby[] = []
  const words: string[] = []
  for (const spoke of group) {
    // By id: a hub that has no key yet is in no order, and one whose record changed is in those of before.
    const at = spoke.order.findIndex(({ id }) => id === hub.id)
    const [first] = spoke.order
    stanzas.push(at === 0 ? spoke.carried : spoke.warm)
    const way = at < 0 ? wayOutside(spoke) : spoke.ways[at - 1]
    if (way) {
      standby.push(way.standby)
      words.push(way.words)
    }
    if (!first || at === 0) continue
    const its = beyond.get(first.id)
    if (its) its.push(...spoke.prefixes)
    else beyond.set(first.id, [...spoke.prefixes])
  }
  const text = stanzas.join('')
  const further = [...beyond].map(([id, prefixes]): [Id, string] => [id, prefixes.join(', ')])
  const all = [text, ...words, ...further.map(([id, prefixes]) => `${id} ${prefixes}\n`)]
  return {
    stanzas: text,
    digest: hash('sha256', all.join('\n')),
    beyond: new Map(further),
    standby,
  }
}
