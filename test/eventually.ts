import { systemClock } from '@powernode/clock'

/**
 * What `look` sees, once `met` says yes of it: waits on a state, however long a busy machine takes. A look that throws has
 * not seen anything yet.
 */
export async function eventually<Seen>(
  look: () => Promise<Seen>,
  met: (seen: Seen) => boolean,
  timeoutMs = 30_000,
): Promise<Seen> {
  const giveUp = AbortSignal.timeout(timeoutMs)
  let last: unknown
  while (!giveUp.aborted) {
    try {
      const seen = await look()
      if (met(seen)) return seen
      last = seen
    } catch (error) {
      last = error
    }
    await systemClock.sleep(20, giveUp)
  }
  if (last instanceof Error) throw last
  throw new Error(
    `not so in time; last seen: ${JSON.stringify(last, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
  )
}
