import { blocksOverlap, readBlock, type Block } from '@powernode/policy'
import type { Problem } from '../../plan.ts'
import type { Id, Prefix } from '../../world.ts'
import type { NetworkIndex, WorldIndex } from '../world-index.ts'

type Kind = 'network' | 'pods' | 'lan' | 'virtual_ip' | 'federation'

type Claim = {
  readonly prefix: Prefix
  readonly block: Block
  readonly kind: Kind
  readonly networkId: Id
  readonly record: string
}

/**
 * Prefixes that two claim in one routing table: what goes there would go to either. Networks share a table where a node is in
 * both and neither wants a table of its own.
 */
export function overlapProblems(index: WorldIndex): readonly Problem[] {
  return tablesOf(index).flatMap((networks) => {
    const claims = networks.flatMap(claimsOf).toSorted(inOrder)
    const around: Claim[] = []
    const problems: Problem[] = []
    for (const claim of claims) {
      // Blocks lie in one another or apart: what does not hold this one holds none of those that follow.
      while (around.length > 0 && !blocksOverlap(around.at(-1)?.block ?? claim.block, claim.block)) around.pop()
      const other = around.find((each) => !mayHold(each, claim))
      if (other) {
        const message = `${claim.prefix} overlaps with ${other.prefix} of ${other.record}`
        problems.push({ fatal: true, code: 'PREFIX_OVERLAP', record: claim.record, message })
      }
      around.push(claim)
    }
    return problems
  })
}

/** The more precise place inside a larger one of the same network, where that is what was meant. */
function mayHold(outer: Claim, inner: Claim): boolean {
  if (outer.networkId !== inner.networkId || outer.prefix === inner.prefix) return false
  if (inner.kind === 'virtual_ip') return outer.kind === 'network' || outer.kind === 'lan'
  return outer.kind === 'pods' && inner.kind === 'lan'
}

function claimsOf({ network, members, virtualIps, crossings }: NetworkIndex): readonly Claim[] {
  const networkId = network.id
  const of = (kind: Kind, record: string, prefixes: readonly Prefix[]): Claim[] =>
    prefixes.flatMap((prefix) => {
      const block = readBlock(prefix)
      return block ? [{ prefix, block, kind, networkId, record }] : []
    })
  return [
    ...of('network', `network/${networkId}`, [network.cidr]),
    ...of('pods', `network/${networkId}`, network.podSubnet === undefined ? [] : [network.podSubnet]),
    ...members.flatMap(({ id, lanSubnets }) => (lanSubnets.length > 0 ? of('lan', `member/${id}`, lanSubnets) : [])),
    ...virtualIps.flatMap(({ id, cidr }) => of('virtual_ip', `virtual_ip/${id}`, [cidr])),
    ...crossings.flatMap(({ peerId, accepted }) => of('federation', `crossing/${peerId}`, accepted)),
  ]
}

function inOrder(a: Claim, b: Claim): number {
  for (const at of [0, 1, 2, 3] as const) {
    const difference = a.block.words[at] - b.block.words[at]
    if (difference !== 0) return difference
  }
  return a.block.bits - b.block.bits || (a.record < b.record ? -1 : 1)
}

/** Networks in groups that share a table somewhere, themselves or by way of others. */
function tablesOf(index: WorldIndex): readonly (readonly NetworkIndex[])[] {
  const group = new Map<Id, Id>([...index.networks.keys()].map((id) => [id, id]))
  const rootOf = (id: Id): Id => {
    const next = group.get(id) ?? id
    return next === id ? id : rootOf(next)
  }
  const isShared = (id: Id): boolean => index.networks.get(id)?.network.isolation === 'shared'
  for (const members of index.crowded.values()) {
    const [first, ...others] = members.map(({ networkId }) => networkId).filter(isShared)
    for (const other of first === undefined ? [] : others) group.set(rootOf(other), rootOf(first ?? other))
  }
  return [...Map.groupBy(index.networks.values(), ({ network }) => rootOf(network.id)).values()]
}
