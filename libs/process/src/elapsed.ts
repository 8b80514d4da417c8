/** Starts a stopwatch; what it returns says how many milliseconds have passed. Monotonic: setting the clock does not disturb it. */
export function elapsed(): () => number {
  const startedAt = performance.now()
  return () => performance.now() - startedAt
}
