/** A long-lived thing: runs until its signal aborts, then finishes what it has begun and returns. */
export type Task = (signal: AbortSignal) => Promise<void>

/**
 * Runs all tasks until `signal` aborts or one of them fails.
 *
 * The first failure stops the rest, because half a service that looks alive is worse than one that is seen to be down.
 * All are waited for before it is thrown, so that nothing still uses what the caller closes next. A task that ends by an
 * AbortError once it was told to stop has ended well: a call or a sleep of its own was cut short.
 */
export async function runTasks(signal: AbortSignal, tasks: readonly Task[]): Promise<void> {
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const failures: unknown[] = []
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(stop)
      } catch (error) {
        if (stop.aborted && isAbort(error)) return // it did what it was told
        failures.push(error)
        failed.abort()
      }
    }),
  )
  if (failures.length > 0) throw failures[0]
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'
