import type { Tx } from '@powernode/postgres'
import * as freshness from '../store/freshness.ts'
import type { Tables } from '../store/tables.ts'
import { reconcilePeers } from './reconcile-peers.ts'

/**
 * Peers that peer-registry does not name any more stop being expected; those last heard before `before` are forgotten.
 *
 * What we knew stays for a while, because an operator may ask when a revoked peer was last heard.
 * MUST be given every peer there is: one that is left out counts as gone.
 */
export async function forgetPeers(
  tx: Tx<Tables>,
  now: Date,
  { known, before }: { known: readonly string[]; before: Date },
): Promise<number> {
  const gone = await freshness.strangers(tx, known)
  const rows = await freshness.find(tx, gone)
  const expected = [...rows.values()].filter(({ announced }) => announced !== 'unknown')
  await reconcilePeers(
    tx,
    now,
    expected.map((row) => ({ ...row, state: 'unknown' as const, versionStatus: '' })),
  )
  const old = [...rows.values()].filter(({ lastHeardAt, lastHeardByThemAt }) => {
    return (lastHeardAt ?? before) <= before && (lastHeardByThemAt ?? before) <= before
  })
  await freshness.remove(
    tx,
    old.map(({ peerId }) => peerId),
  )
  return old.length
}
