import type { GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { SpawnDeps } from '../spawn-deps.ts'

const EVERY_MS = 60_000
const AGAIN_MS = 1_000

/** Who we are, for what is done inside a transaction and can ask nobody. */
export class OurPlatform {
  #known: GetPlatformResponse | undefined

  /** As our registry last said; undefined until it has. */
  get known(): GetPlatformResponse | undefined {
    return this.#known
  }

  async follow({ registry, clock, logger }: SpawnDeps, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let isKnown = false
      try {
        this.#known = await registry.getPlatform({}, { signal })
        isKnown = true
      } catch (error) {
        if (!signal.aborted && this.#known === undefined) logger.warn({ task: 'our_platform', error }, 'we do not know yet who we are') // prettier-ignore
      }
      await clock.sleep(isKnown ? EVERY_MS : AGAIN_MS, signal)
    }
  }
}
