import { systemClock } from '@powernode/clock'

/** How long a state is waited for: it costs nothing where all is well. */
export const PATIENCE_MS = 150_000
/** Characters of what was seen: who reads it wants the newest. */
const LONGEST = 2_000

/**
 * Turns of a loop that looks at a state, until it is left or patience is over. The next is when a tenth of what was waited is
 * over: each look takes time from what it waits for, on a machine that may have none to spare.
 */
export async function* looks(timeoutMs = PATIENCE_MS): AsyncGenerator<void> {
  const giveUp = AbortSignal.timeout(timeoutMs)
  for (let pauseMs = 10; !giveUp.aborted; pauseMs = Math.min(pauseMs * 1.1, 250)) {
    yield
    await systemClock.sleep(pauseMs, giveUp)
  }
}

/**
 * What `look` sees, once `met` says yes of it: waits on a state, however long a busy machine takes. A look that throws has
 * not seen anything yet.
 */
export async function eventually<Seen>(
  look: () => Promise<Seen>,
  met: (seen: Seen) => boolean,
  timeoutMs?: number,
): Promise<Seen> {
  let last: unknown
  for await (const _ of looks(timeoutMs)) {
    try {
      const seen = await look()
      if (met(seen)) return seen
      last = seen
    } catch (error) {
      last = error
    }
  }
  if (last instanceof Error) throw last
  const seen = JSON.stringify(last, (_, value) => (typeof value === 'bigint' ? String(value) : value)) ?? 'nothing'
  throw new Error(`not so in time; last seen: ${seen.length > LONGEST ? `… ${seen.slice(-LONGEST)}` : seen}`)
}
