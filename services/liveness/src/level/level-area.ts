import { ServiceLevelService } from '@powernode/proto/powernode/liveness/v1/level_pb.ts'
import type { Metrics } from '@powernode/process'
import { mount, type Mount } from '@powernode/rpc'
import { LEVEL_CALLERS, levelHandlers } from '../rpc/levels.ts'
import { keepTally } from './keep-tally.ts'
import { levelMetrics } from './level-metrics.ts'
import { watchPeerings, type WatchDeps } from './watch-peerings.ts'

export type LevelArea = {
  readonly mount: Mount
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/** All that concerns the service levels of peerings in this process: counting, writing down, and telling. */
export function openLevelArea(deps: Omit<WatchDeps, 'levels'> & { readonly metrics: Metrics }): LevelArea {
  const levels = levelMetrics(deps.metrics)
  return {
    mount: mount(ServiceLevelService, levelHandlers(deps), LEVEL_CALLERS),
    tasks: [(signal) => watchPeerings({ ...deps, levels }, signal), (signal) => keepTally(deps, signal)],
  }
}
