import type { Client } from '@connectrpc/connect'
import type { Clock, Doorbell } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import type { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { runTries, type Tried } from '../tries/run-tries.ts'
import { measure, type Measuring } from './report.ts'

export type TellDeps = Measuring & {
  readonly control: Client<typeof NodeNetworkService>
  readonly bell: Doorbell
  readonly clock: Clock
  readonly logger: Logger
  readonly everyMs: number
}

/**
 * Tells the control plane what is there, every so often and when something has happened. Tests of the intent are tried anew
 * each time; they take their time, so that a new version is told first without them.
 */
export async function tell(deps: TellDeps, signal: AbortSignal): Promise<void> {
  const { bell, clock, logger, everyMs, network, machine } = deps
  let told: string | undefined
  while (!signal.aborted) {
    const { current } = network
    try {
      if (told !== current.version && current.tests.length > 0) await report(deps, [], signal)
      told = current.version
      await report(deps, await runTries(machine, current), signal)
    } catch (error) {
      if (signal.aborted) return
      logger.warn({ task: 'reporting', error }, 'this report did not arrive; the next will say it all again')
    }
    await bell.wait(clock, everyMs, signal)
  }
}

async function report(deps: TellDeps, tried: readonly Tried[], signal: AbortSignal): Promise<void> {
  await deps.control.reportNode(await measure(deps, tried, []), { signal })
}
