import type { Tx } from '@powernode/postgres'
import { packed, sumOf, type PackedFigures } from '../figures/figures.ts'
import { daysEnd, hoursEnd, startOf } from '../figures/window.ts'
import * as serviceLevels from '../store/service-levels.ts'
import type { Tables } from '../store/tables.ts'

/** What was counted of these peers belongs to the hour that `at` lies in; other replicas may have counted as well. */
export async function keepFigures(
  tx: Tx<Tables>,
  _now: Date,
  { at, counted }: { at: Date; counted: ReadonlyMap<string, PackedFigures> },
): Promise<void> {
  const since = startOf('hour', at)
  const held = await serviceLevels.hold(tx, 'hour', since, [...counted.keys()])
  const added = (peerId: string): PackedFigures[] => [counted.get(peerId)].filter((one) => one !== undefined)
  const sums = held.map((row) => ({ ...packed(sumOf([row, ...added(row.peerId)])), peerId: row.peerId }))
  await serviceLevels.save(tx, 'hour', since, sums)
}

/** So many peers' day in one transaction. */
const BATCH = 1_000

/**
 * Hours that no window counts any more as hours become the day they are of, of one batch of peers; days that are in no window are
 * forgotten. Returns how many rows went. Taken out and put in are one transaction, so nothing counts twice or not at all.
 */
export async function rollUpFigures(tx: Tx<Tables>, now: Date): Promise<number> {
  const hours = await serviceLevels.takeHours(tx, hoursEnd(now), BATCH)
  const [first] = hours
  if (!first) return serviceLevels.forgetDays(tx, daysEnd(now))
  const since = startOf('day', first.since)
  const byPeer = Map.groupBy(hours, ({ peerId }) => peerId)
  const held = await serviceLevels.hold(tx, 'day', since, [...byPeer.keys()])
  const sums = held.map((row) => ({ ...packed(sumOf([row, ...(byPeer.get(row.peerId) ?? [])])), peerId: row.peerId }))
  await serviceLevels.save(tx, 'day', since, sums)
  return hours.length
}
