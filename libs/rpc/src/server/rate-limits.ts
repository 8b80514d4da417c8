import type { HandlerContext } from '@connectrpc/connect'
import { elapsed } from '@powernode/process'
import { callerOf } from '../calls/call.ts'
import { callerText } from '../calls/caller.ts'
import { Refusal } from '../errors/refusal.ts'

/** So many of something per key and time. In memory, per process: with two gateways a peer may do twice as much. */
export type RateLimit = {
  /** Undefined when there was room; else how long until there is again. */
  readonly take: (key: string) => { readonly retryAfterMs: number } | undefined
}

type Window = { taken: number; readonly endsMs: number }

/**
 * A window per key, which begins with the first of it and ends by the stopwatch.
 *
 * What is over is forgotten once in a window's time, so that names nobody uses any more fill no memory.
 */
export function rateLimit(points: number, perSeconds: number, elapsedMs = elapsed()): RateLimit {
  const lengthMs = perSeconds * 1_000
  const windows = new Map<string, Window>()
  let tidyAtMs = lengthMs
  return {
    take(key) {
      const nowMs = elapsedMs()
      if (nowMs >= tidyAtMs) {
        for (const [name, { endsMs }] of windows) if (endsMs <= nowMs) windows.delete(name)
        tidyAtMs = nowMs + lengthMs
      }
      const window = windows.get(key)
      if (!window || window.endsMs <= nowMs) {
        windows.set(key, { taken: 1, endsMs: nowMs + lengthMs })
        return points >= 1 ? undefined : { retryAfterMs: lengthMs }
      }
      window.taken += 1
      return window.taken <= points ? undefined : { retryAfterMs: Math.ceil(window.endsMs - nowMs) }
    },
  }
}

/** Takes one from a limit, or refuses and says when to come again. */
export function takeOrRefuse(limit: RateLimit, key: string, what: string): void {
  const full = limit.take(key)
  if (full) throw new Refusal('RATE_LIMITED', `too many ${what}`, { retryAfterMs: full.retryAfterMs })
}

/**
 * Takes one from the limit of the operator who asks, who may be whoever stole a token of theirs; services of ours know what they
 * do, and are not counted.
 */
export function takeOfOperator(limit: RateLimit, context: HandlerContext, what: string): void {
  const caller = callerOf(context)
  if (caller.kind === 'operator') takeOrRefuse(limit, callerText(caller), what)
}
