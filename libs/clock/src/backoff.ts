import { randomInt } from 'node:crypto'

const PARTS = 1_000_000

/** A share of `ms`, drawn anew each time: at least half, at most all of it. Keeps a crowd from acting at one moment. */
export function jittered(ms: number): number {
  return (ms / 2) * (1 + randomInt(PARTS) / PARTS)
}

/** How long to wait before the next attempt: doubling from `firstMs` up to `mostMs`, jittered. `failures` counts from 1. */
export function backoffMs(failures: number, { firstMs, mostMs }: { firstMs: number; mostMs: number }): number {
  return jittered(Math.min(mostMs, firstMs * 2 ** (failures - 1)))
}
