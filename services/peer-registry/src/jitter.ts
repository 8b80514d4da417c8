import { randomInt } from 'node:crypto'

const STEPS = 1_000_000

/** A number in [0, 1) that spreads retries, so that a thousand peers do not come back in the same second. */
export const jitter = (): number => randomInt(STEPS) / STEPS
