import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Refusal } from '@powernode/rpc'

/** So many of something per key and time. In memory, per process: with two gateways a peer may do twice as much. */
export type RateLimit = {
  /** Undefined when there was room; else how long until there is again. */
  readonly take: (key: string) => Promise<{ readonly retryAfterMs: number } | undefined>
}

export function rateLimit(points: number, perSeconds: number): RateLimit {
  const limiter = new RateLimiterMemory({ points, duration: perSeconds })
  return {
    async take(key) {
      try {
        await limiter.consume(key)
        return undefined
      } catch (full) {
        if (full instanceof RateLimiterRes) return { retryAfterMs: full.msBeforeNext }
        throw full
      }
    },
  }
}

/** Takes one from a limit, or refuses and says when to come again. */
export async function takeOrRefuse(limit: RateLimit, key: string, what: string): Promise<void> {
  const full = await limit.take(key)
  if (full) throw new Refusal('RATE_LIMITED', `too many ${what}`, { retryAfterMs: full.retryAfterMs })
}
