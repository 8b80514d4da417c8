import type { Clock } from '@powernode/clock'

/** Somebody was asked and did not answer in time. */
export class TookTooLong extends Error {
  override readonly name = 'TookTooLong'
}

type Limit = { readonly clock: Clock; readonly ms: number; readonly what: string }

/**
 * Waits for an answer of somebody else's code, for so long and no longer: a provider that never answers, not even when it
 * is told to stop, holds up nobody.
 */
export async function limited<Answer>(
  { clock, ms, what }: Limit,
  ask: (signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  const over = new AbortController()
  const answered = new AbortController()
  const ended = AbortSignal.any([signal, over.signal])
  const late = async (): Promise<never> => {
    await clock.sleep(ms, AbortSignal.any([signal, answered.signal]))
    over.abort()
    throw new TookTooLong(signal.aborted ? `${what} was given up` : `${what} took longer than ${ms / 1_000} s`)
  }
  const asking = ask(ended)
  asking.catch(() => undefined) // judged below, unless it comes too late
  const waiting = late()
  waiting.catch(() => undefined) // also when the answer came first
  try {
    return await Promise.race([asking, waiting])
  } finally {
    answered.abort()
  }
}
