import { inTransaction } from '@powernode/postgres'
import type { Child } from '../child.ts'
import { lookAtInstance } from '../instances/look-at-instance.ts'
import { noteLook } from '../operations/note-look.ts'
import { readSpawn } from '../operations/read-spawn.ts'
import type { SagaDeps } from '../saga/performer.ts'

const LIMIT_MS = 30_000

/** How the machine of a child that is there fares. */
export async function lookAtMachine(deps: SagaDeps, child: Child, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps
  const { provider, instance } = await inTransaction(db, (tx) => readSpawn(tx, child.id))
  if (instance.providerRef === '') return
  const seen = await lookAtInstance(deps, { provider, instance }, { ms: LIMIT_MS, signal })
  await inTransaction(db, (tx) => noteLook(tx, clock.now(), { childId: child.id, seen }))
}
