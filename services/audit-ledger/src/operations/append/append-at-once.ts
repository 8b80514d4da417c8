import * as appending from '../../store/appending.ts'
import type { Executor } from '../../store/tables.ts'
import type { Appended, Batch } from './append-batch.ts'
import { Growth } from './growth.ts'
import { planOf } from './plan.ts'

/**
 * The same as `appendBatch` in a single statement, which is a transaction by itself: for as long as nobody else writes to these
 * logs, and nothing is told twice, a commit then costs one way to the database and back.
 *
 * The entries are numbered from where this process left the logs. The statement takes the locks first, looks whether they still
 * end there, and writes nothing when they do not: undefined. It fails when an id is there already. In both cases nothing happened
 * and `appendBatch` MUST be asked, and also when the connection is lost, since then it may have happened.
 */
export async function appendAtOnce(on: Executor, { items, held }: Batch): Promise<Appended | undefined> {
  const growths = new Map<string, Growth>()
  for (const { log } of items) {
    if (growths.has(log)) continue
    const end = held.get(log)
    if (!end) return undefined
    const { id, edge, leafHash } = end
    growths.set(log, new Growth({ id, name: log, size: edge.size, leafHash, held: false }, edge.copy()))
  }
  const ends = [...growths].map(([name, { id, leafHash, edge }]) => ({ name, id, size: edge.size, leafHash }))
  const { columns, appended } = planOf(items, growths, new Map())
  if (columns.size === 0) return undefined
  return (await appending.addAtOnce(on, columns, ends)) ? appended : undefined
}
