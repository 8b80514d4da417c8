import { Doorbell, type Clock } from '@powernode/clock'
import { inTransaction, type Db, type Listener } from '@powernode/postgres'
import type { Logger, Metrics, Task } from '@powernode/process'
import type { Health } from '@powernode/rpc'
import type { LedgerKeys } from '../ledger-keys.ts'
import { takeKeys, type Sealing } from '../operations/keys/take-keys.ts'
import { createCheckpointBells, type CheckpointBells } from '../signing/checkpoint-bells.ts'
import { createSigner } from '../signing/signer.ts'
import { CHECKPOINT_CHANNEL } from '../store/checkpoints.ts'
import { GROWN_CHANNEL } from '../store/logs.ts'
import type { Tables } from '../store/tables.ts'
import { sweepPruned, sweepRetention, sweepRunOut } from '../sweeps/erasures.ts'
import { createAppender, type Appender } from './appender.ts'
import { measureLogs } from './measure-logs.ts'
import { createObstacles, type Obstacles } from './obstacles.ts'

export type CoreAreaDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly health: Health
}

export type CoreArea = {
  readonly keys: LedgerKeys
  readonly appender: Appender
  readonly bells: CheckpointBells
  readonly obstacles: Obstacles
  /** Entries were pruned: they are dropped at once, not at the next round. */
  readonly onPruned: () => void
  readonly tasks: readonly Task[]
}

export type CoreConfig = {
  readonly sealing: Sealing
  readonly trustDomain: string
  /** Undefined: entries are kept for ever. */
  readonly entriesKeptForMs: number | undefined
}

/** The logs in this process: who writes to them, who signs them, and what time takes out of them. */
export async function openCoreArea(
  deps: CoreAreaDeps,
  { sealing, trustDomain, entriesKeptForMs: keptMs }: CoreConfig,
): Promise<CoreArea> {
  const { db, listener, clock, logger } = deps
  const { keys, resealed } = await inTransaction(db, (tx) => takeKeys(tx, clock.now(), { sealing, trustDomain }))
  if (resealed > 0)
    logger.info({ count: resealed }, 'signing keys are sealed under the new key; the previous one can go')
  const obstacles = createObstacles(deps)
  const bells = createCheckpointBells()
  const signer = createSigner({ ...deps, keys })
  const appender = createAppender({ ...deps, obstacles, onGrown: signer.grown })
  const pruned = new Doorbell()
  const onPruned = () => pruned.ring()
  const ring = (payload: string | undefined) => bells.ring(payload ? Number(payload) : undefined)
  return {
    keys,
    appender,
    bells,
    obstacles,
    onPruned,
    tasks: [
      (stop) => signer.run(stop),
      (stop) => listener.listen(CHECKPOINT_CHANNEL, ring, stop),
      (stop) => listener.listen(GROWN_CHANNEL, () => signer.look(), stop),
      (stop) => sweepRunOut(deps, stop),
      (stop) => sweepPruned(deps, pruned, stop),
      (stop) => measureLogs(deps, stop),
      ...(keptMs === undefined
        ? []
        : [(stop: AbortSignal) => sweepRetention(deps, { keptMs, signerOf: keys.signerOf, onPruned }, stop)]),
    ],
  }
}
