import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Counter, Logger } from '@powernode/process'
import type { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { BackEndName } from './apply/machine.ts'
import type { NodeNetwork } from './apply/node-network.ts'
import { measure, type Measuring } from './report/report.ts'

export type KeepDeps = Measuring & {
  readonly network: NodeNetwork
  readonly control: Client<typeof NodeNetworkService>
  readonly clock: Clock
  readonly logger: Logger
  readonly drifted: Counter<'back_end'>
  readonly everyMs: number
  readonly tell: () => void
}

/** Looks every so often whether everything is as it was confirmed, says what is not, and puts it right. */
export async function keep(deps: KeepDeps, signal: AbortSignal): Promise<void> {
  const { network, control, clock, logger, everyMs, drifted, tell } = deps
  for (await clock.sleep(everyMs, signal); !signal.aborted; await clock.sleep(everyMs, signal)) {
    try {
      const found = await network.repair(async (found) => {
        for (const { name } of found) drifted.inc({ back_end: name satisfies BackEndName })
        const report = await measure(deps, [], found)
        // Repaired whether or not it could be said.
        await control.reportNode(report, { signal }).catch((error: unknown) => logger.warn({ task: 'reporting', error }, 'drift could not be reported')) // prettier-ignore
      })
      if (found > 0) tell()
    } catch (error) {
      if (signal.aborted) return
      logger.error({ task: 'repairing', error }, 'what drifted could not be put right; trying again')
    }
  }
}
