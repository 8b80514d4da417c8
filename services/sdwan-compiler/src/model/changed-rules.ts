import type { Ip } from './address.ts'
import type { Model } from './model.ts'
import type { ModelNode } from './model-node.ts'
import type { Firewall } from './nft/filter.ts'
import type { Rule } from './nft/rule.ts'

/** A rule that stands at one node before or after, and not both; and how to ask whom it means. */
export type ChangedRule = { readonly means: (src: Ip, dst: Ip) => boolean }

/**
 * What is different at nodes that judge everybody's traffic, beyond what they know of single members: rules, by whom they mean.
 * `everything` where that cannot be said: routes, BGP, or who stands there.
 */
export function changedRules(
  before: Model,
  after: Model,
  watchers: readonly ModelNode[],
): readonly ChangedRule[] | 'everything' {
  const changed: ChangedRule[] = []
  for (const node of watchers) {
    const was = before.nodes.get(node.id)
    const is = after.nodes.get(node.id)
    if (was === is) continue
    if (!was || !is || frameOf(was) !== frameOf(is)) return 'everything'
    if (was.plan.nftables === is.plan.nftables) continue
    changed.push(...inOneOnly(was.firewall, is.firewall))
  }
  return changed
}

/** What a node has beside its firewall and its peers: of those, the kinds of members speak. */
function frameOf({ plan }: ModelNode): string {
  const { interfaces, frr, vrfs, heldAddresses } = plan
  const frames = interfaces.map(({ name, addresses, listenPort, vrfName = '', routes }) => [
    name,
    addresses,
    listenPort,
    vrfName,
    routes,
  ])
  return JSON.stringify([frames, frr, vrfs, heldAddresses])
}

function inOneOnly(was: Firewall, is: Firewall): ChangedRule[] {
  const names = new Set([...was.table.chains.keys(), ...is.table.chains.keys()])
  return [...names].flatMap((name) => {
    const [old, fresh] = [was, is].map(({ table }) => table.chains.get(name)?.rules ?? [])
    const [oldTexts, freshTexts] = [old ?? [], fresh ?? []].map((rules) => rules.map((rule) => textOf(rule)))
    const { from, oldEnd, freshEnd } = middleOf(oldTexts ?? [], freshTexts ?? [])
    const of = (firewall: Firewall, rules: readonly Rule[] = []): ChangedRule[] =>
      rules.map((rule) => ({ means: (src, dst) => firewall.means(rule, src, dst) }))
    return [...of(was, old?.slice(from, oldEnd)), ...of(is, fresh?.slice(from, freshEnd))]
  })
}

function textOf({ matches, verdict }: Rule): string {
  const word = verdict.kind === 'map' ? [...verdict.cases] : verdict
  return JSON.stringify([matches, word])
}

/** Where two lists differ: behind their common beginning and before their common end. */
function middleOf(
  old: readonly string[],
  fresh: readonly string[],
): { from: number; oldEnd: number; freshEnd: number } {
  let from = 0
  while (from < Math.min(old.length, fresh.length) && old[from] === fresh[from]) from += 1
  let [oldEnd, freshEnd] = [old.length, fresh.length]
  while (oldEnd > from && freshEnd > from && old[oldEnd - 1] === fresh[freshEnd - 1]) {
    oldEnd -= 1
    freshEnd -= 1
  }
  return { from, oldEnd, freshEnd }
}
