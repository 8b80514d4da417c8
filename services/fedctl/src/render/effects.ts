import { harmless } from './paint.ts'

/** What comes of a write, or would: one line each. */
export const effectLines = (effects: readonly string[]): string =>
  effects.map((effect) => `  - ${harmless(effect)}`).join('\n')
