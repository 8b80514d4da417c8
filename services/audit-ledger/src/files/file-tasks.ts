import type { Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import type { Logger, Metrics, Task } from '@powernode/process'
import type { Health } from '@powernode/rpc'
import type { Obstacles } from '../append/obstacles.ts'
import type { FilesConfig } from '../config.ts'
import type { Tables } from '../store/tables.ts'
import { durableFolder } from './durable.ts'
import { createFilesState } from './files-state.ts'
import { nothingRung, ring } from './rounds.ts'
import { writeFiles } from './write-files.ts'

type Deps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly health: Health
  readonly obstacles: Obstacles
}

export type Files = {
  /** A log has a new checkpoint; without an id: any may. */
  readonly ring: (logId: number | undefined) => void
  readonly task: Task
}

/** The logs as files in LEDGER_DIR. */
export function openFiles(deps: Deps, { dir, required, sealIntervalMs }: FilesConfig): Files {
  const state = createFilesState({ ...deps, required })
  const writing = { ...deps, folder: durableFolder(dir), sealIntervalMs, state }
  const rung = nothingRung()
  return {
    ring: (logId) => ring(rung, logId),
    task: (stop) => writeFiles(writing, rung, stop),
  }
}
