import type { Step, StepName } from '../step.ts'
import { fromRow, toRow } from './rows.ts'
import type { SpawnTx } from './tables.ts'

const STEP = [
  'child_id', 'position', 'name', 'status', 'attempts', 'started_at', 'finished_at', 'detail',
] as const // prettier-ignore

export async function insert(tx: SpawnTx, steps: readonly Step[]): Promise<void> {
  await tx.insertInto('step').values(steps.map(toRow)).execute()
}

export async function listOf(tx: SpawnTx, childId: string): Promise<Step[]> {
  return (await mapOf(tx, [childId])).get(childId) ?? []
}

/** The steps of each child, in their order: one query for a page of children. */
export async function mapOf(tx: SpawnTx, childIds: readonly string[]): Promise<ReadonlyMap<string, Step[]>> {
  if (childIds.length === 0) return new Map()
  const rows = await tx.selectFrom('step').select(STEP).where('child_id', 'in', childIds).orderBy('position').execute()
  return Map.groupBy(
    rows.map((row) => fromRow<Step>(row)),
    ({ childId }) => childId,
  )
}

/** What is heard while a step waits for the machine: one statement, so that a step that is over by now stays as it is. */
export async function noteWord(tx: SpawnTx, childId: string, detail: string): Promise<void> {
  await tx
    .updateTable('step')
    .set({ detail })
    .where('child_id', '=', childId)
    .where('status', '=', 'running')
    .where('name', 'in', WAITING)
    .execute()
}

const WAITING: readonly StepName[] = ['await_boot', 'await_accept', 'await_active']

/** Notes where a step stands. */
export async function save(tx: SpawnTx, step: Step): Promise<void> {
  await tx
    .updateTable('step')
    .set(toRow(step))
    .where('child_id', '=', step.childId)
    .where('name', '=', step.name satisfies StepName)
    .execute()
}
