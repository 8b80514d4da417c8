import type { Tx } from '@powernode/postgres'
import { versionsReassessed, type By } from '../events.ts'
import type { Tables } from '../store/tables.ts'
import * as standings from '../store/version-standings.ts'
import { sameStance, stanceOf, standAnew } from '../version-stance.ts'
import { readRulebook } from './stand-by-version.ts'

/** So many in one transaction: while it runs, nothing else of the peers feed can commit. */
const BATCH = 500

/**
 * Peers that stand otherwise than the rules in force and our version say stand by them from now on; at most a batch of
 * them. Returns how many; called again until it says none.
 *
 * Looks at what is and not at what has happened, so that a rule, a new version of ours, or a description that was saved
 * while a rule was being written all come to the same. An active peer that is incompatible now becomes degraded; one that
 * is compatible again becomes active with its next beat.
 * Heard by audit-ledger; liveness and the gateways have it from the feed.
 */
export async function reassessVersions(tx: Tx<Tables>, now: Date, { by }: { by: By }): Promise<number> {
  const book = await readRulebook(tx)
  const differing = (await standings.list(tx)).filter((peer) => !sameStance(peer, stanceOf(book, peer)))
  if (differing.length === 0) return 0

  const before = await standings.lock(
    tx,
    differing.slice(0, BATCH).map(({ id }) => id),
  )
  const stood = before.map((peer) => standAnew(book, { ...peer, updatedAt: now }, now))
  const saved = await standings.save(tx, stood)

  const of = new Map(before.map((peer) => [peer.id, peer]))
  const changes = saved.map((after) => ({ before: of.get(after.id) ?? after, after }))
  await versionsReassessed(tx, by, changes)
  return saved.length
}
