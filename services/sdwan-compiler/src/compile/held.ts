import type { NodePlan } from '../plan.ts'
import type { Id } from '../world.ts'
import { interfaceName } from './names.ts'
import { kept } from './memo.ts'
import { holdersOf, type NetworkIndex, type WorldIndex } from './world-index.ts'

type Held = NodePlan['heldAddresses'][number]

/** The virtual IPs that each member holds, by prefix. Those that are as before are the very same. */
export function heldIn(
  index: WorldIndex,
  { virtualIps }: NetworkIndex,
  before: ReadonlyMap<Id, readonly Held[]>,
): ReadonlyMap<Id, readonly Held[]> {
  const held = new Map<Id, Held[]>()
  for (const virtualIp of virtualIps) {
    for (const { id } of holdersOf(index, virtualIp)) {
      const one = { cidr: virtualIp.cidr, virtualIpId: virtualIp.id, interface: interfaceName(id) }
      held.set(id, [...(held.get(id) ?? []), known(before.get(id), one)])
    }
  }
  const sorted = [...held].map(([id, list]): [Id, readonly Held[]] => [
    id,
    kept(
      before.get(id),
      list.toSorted((a, b) => (a.cidr < b.cidr ? -1 : 1)),
    ),
  ])
  return new Map(sorted)
}

const known = (before: readonly Held[] | undefined, one: Held): Held =>
  before?.find(({ cidr, virtualIpId }) => cidr === one.cidr && virtualIpId === one.virtualIpId) ?? one
