import { randomInt } from 'node:crypto'

const FIRST_RETRY_MS = 50
const JITTER = 0.1

/** A number in [0, 1), for jitter. */
export const chance = (): number => randomInt(2 ** 32) / 2 ** 32

/** The next beat after one that was answered: one interval on, ±10 %, so that peers do not fall into step. */
export function nextBeatAt(now: Date, intervalMs: number, chance: number): Date {
  return new Date(now.getTime() + intervalMs * (1 - JITTER + 2 * JITTER * chance))
}

/**
 * The next beat after `failures` in a row: at first very soon, because a peer that has just enrolled may need a
 * moment, then doubling up to the interval. It never waits longer: recovery must be seen within one beat.
 */
export function retryBeatAt(now: Date, intervalMs: number, failures: number, chance: number): Date {
  const stepMs = Math.min(intervalMs, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 30))
  return nextBeatAt(now, stepMs, chance)
}

/** After a start, beats that fell due meanwhile are spread over a part of the interval instead of sent in one burst. */
export function resumeBeatAt(now: Date, planned: Date | null, intervalMs: number, chance: number): Date {
  if (planned && planned > now && planned.getTime() - now.getTime() <= intervalMs * (1 + JITTER)) return planned
  return new Date(now.getTime() + (intervalMs / 4) * chance)
}
