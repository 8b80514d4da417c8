import type { Clock } from '@powernode/clock'
import type { Bus } from '@powernode/events'
import type { Db } from '@powernode/postgres'
import type { Logger, Metrics, Task } from '@powernode/process'
import type { Health, OperatorLookup } from '@powernode/rpc'
import type { Obstacles } from '../append/obstacles.ts'
import type { Config } from '../config.ts'
import type { HttpRoute } from '../http/route.ts'
import { serveHttps } from '../http/serve-https.ts'
import { tileRoute } from '../http/tile-route.ts'
import { exportHandlers } from '../rpc/export.ts'
import type { CheckpointBells } from '../signing/checkpoint-bells.ts'
import type { Tables } from '../store/tables.ts'
import { openWorm } from '../worm/worm-task.ts'
import { durableFolder } from './durable.ts'
import { createFilesState } from './files-state.ts'
import { nothingRung, ring } from './rounds.ts'
import { writeFiles } from './write-files.ts'

type Deps = {
  readonly db: Db<Tables>
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly health: Health
  readonly obstacles: Obstacles
  readonly bells: CheckpointBells
  readonly operators: OperatorLookup
  /** What is answered over HTTPS beside the logs. */
  readonly routes: readonly HttpRoute[]
}

type FilesOf = Pick<Config, 'files' | 'identityDir' | 'trustDomain' | 'tlogListen'>

/** The logs outside of the database: as files, in the stream that keeps all, over HTTPS, and as an export. */
export function openFileArea(
  deps: Deps,
  { files: { dir, required, sealIntervalMs }, identityDir: tlsDir, trustDomain, tlogListen: listen }: FilesOf,
): { readonly tasks: readonly Task[]; readonly handlers: ReturnType<typeof exportHandlers> } {
  const rung = nothingRung()
  const worm = openWorm(deps)
  deps.bells.tell((logId) => ring(rung, logId))
  deps.bells.tell(worm.ring)
  const state = createFilesState({ ...deps, required })
  const writing = { ...deps, folder: durableFolder(dir), sealIntervalMs, state }
  const routes = [tileRoute(deps, { trustDomain }), ...deps.routes]
  return {
    handlers: exportHandlers(deps),
    tasks: [
      (stop) => writeFiles(writing, rung, stop),
      worm.task,
      (stop) => serveHttps({ ...deps, listen, tlsDir, trustDomain, routes }, stop),
    ],
  }
}
