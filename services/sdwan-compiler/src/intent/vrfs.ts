import { idFrom, vrfTable } from '../allocate/numbers.ts'
import { vrfName } from '../compile/names.ts'
import type { Id } from '../world.ts'
import type { Draft } from './intent.ts'
import type { RecordOf } from './records.ts'

type Assignment = RecordOf<'vrf_assignment'>
type Ground = { readonly now: Date; readonly by: string }

/**
 * Makes the tables of networks with isolation dedicated_vrf what follows from their members: each has one on its node. One
 * that is not needed any more is removed and keeps its numbers for a while; whoever comes back in that time finds it again.
 */
export function settleVrfs(draft: Draft, ground: Ground): void {
  if (!draft.touched.some((kind) => kind === 'network' || kind === 'member')) return
  const known = new Map([...draft.all('vrf_assignment').values()].map((one) => [placeOf(one), one]))
  const needed = neededIn(draft)
  if (known.size === 0 && needed.size === 0) return
  const tables = Map.groupBy(known.values(), ({ nodeId }) => nodeId)
  for (const place of needed.values()) {
    const before = known.get(placeOf(place))
    if (before && before.state !== 'removed') continue
    const made = before
      ? { ...before, ...again(before, ground) }
      : assigned(place, tables.get(place.nodeId) ?? [], ground)
    draft.put('vrf_assignment', made)
    if (!before) tables.set(place.nodeId, [...(tables.get(place.nodeId) ?? []), made])
  }
  for (const [place, one] of known)
    if (!needed.has(place) && one.state !== 'removed')
      draft.put('vrf_assignment', { ...one, ...written(one, ground), state: 'removed', removedAt: ground.now })
}

type Place = { readonly nodeId: Id; readonly networkId: Id }
const placeOf = ({ nodeId, networkId }: Place): string => `${nodeId} ${networkId}`

function neededIn(draft: Draft): ReadonlyMap<string, Place> {
  const isolated = new Set([...draft.all('network').values()].flatMap(({ id, isolation }) => (isolation === 'dedicated_vrf' ? [id] : []))) // prettier-ignore
  if (isolated.size === 0) return new Map()
  const members = [...draft.all('member').values()].filter(({ networkId }) => isolated.has(networkId))
  return new Map(members.map((member) => [placeOf(member), member]))
}

function assigned({ nodeId, networkId }: Place, others: readonly Assignment[], { now, by }: Ground): Assignment {
  return {
    id: idFrom(`vrf/${nodeId}/${networkId}`),
    version: 1,
    createdAt: now,
    createdBy: by,
    updatedAt: now,
    updatedBy: by,
    nodeId,
    networkId,
    tableId: vrfTable(new Set(others.map(({ tableId }) => tableId))),
    vrfName: vrfName(nodeId, networkId),
    state: 'active',
    removedAt: null,
  }
}

const again = (before: Assignment, ground: Ground): Partial<Assignment> => ({
  ...written(before, ground),
  state: 'active',
  removedAt: null,
})

const written = ({ version }: Assignment, { now, by }: Ground) => ({
  version: version + 1,
  updatedAt: now,
  updatedBy: by,
})
