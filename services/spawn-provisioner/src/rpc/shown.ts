import type { Child } from '../child.ts'
import type { ReplicationArea } from '../replication/replication.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'
import { childToWire } from '../wire.ts'

type Deps = { readonly replication: Pick<ReplicationArea, 'shown'> }

/** A child as operators see it, with its steps and its replica. */
export async function shown(deps: Deps, tx: SpawnTx, child: Child) {
  const [wire] = await allShown(deps, tx, [child])
  if (!wire) throw new Error('one child was shown as none')
  return wire
}

/** Children with what belongs to them: two queries for a page, however long. */
export async function allShown({ replication }: Deps, tx: SpawnTx, page: readonly Child[]) {
  const ids = page.map(({ id }) => id)
  const stepsOf = await steps.mapOf(tx, ids)
  const members = await replication.shown(tx, ids)
  return page.map((child) => childToWire(child, stepsOf.get(child.id) ?? [], members.get(child.id)))
}
