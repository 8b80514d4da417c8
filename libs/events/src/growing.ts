/** A delay that doubles with every attempt (counted from 1), up to a most. */
export function growing({ firstMs, mostMs }: { firstMs: number; mostMs: number }): (attempt: number) => number {
  return (attempt) => Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 30))
}
