import { inTransaction } from '@powernode/postgres'
import type { Child } from '../child.ts'
import { notePeeringOver } from '../operations/note-orphans.ts'
import { readSpawn } from '../operations/read-spawn.ts'
import { peerOf } from '../saga/boot-invitation.ts'
import { SpawnEnded, type SagaDeps } from '../saga/performer.ts'
import { memberOf } from '../saga/steps/prepare-replica.ts'

/**
 * Whether the peering with a child that is there still stands. One whose peering was ended keeps its machine, which may be
 * somebody's platform by now: that is for an operator to end. What it had of our database it has no more.
 *
 * Asks nobody but our own registry: who may read our database MUST NOT hang on what a machine, or its provider, says.
 */
export async function lookAtPeering(deps: SagaDeps, child: Child, signal: AbortSignal): Promise<void> {
  const { db, clock, replication } = deps
  try {
    await peerOf(deps, child, signal)
  } catch (error) {
    if (!(error instanceof SpawnEnded)) throw error
    const spawn = await inTransaction(db, (tx) => readSpawn(tx, child.id))
    if (child.spawnMode === 'cluster_member') {
      await replication.dropRole(memberOf(spawn), signal)
      await replication.dropSlot(memberOf(spawn), signal)
    }
    await inTransaction(db, (tx) => notePeeringOver(tx, clock.now(), child.id))
  }
}
