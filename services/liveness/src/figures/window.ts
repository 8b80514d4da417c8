import { sumOf, type Figures, type PackedFigures } from './figures.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** Over how long figures are said. */
export const WINDOWS = { '24h': DAY_MS, '7d': 7 * DAY_MS, '30d': 30 * DAY_MS } as const
export type Window = keyof typeof WINDOWS
export const WINDOW_NAMES = Object.keys(WINDOWS) as readonly Window[] // the keys of the table above

/** What a row holds: an hour, or a day. */
export type Span = 'hour' | 'day'
export type SpanFigures = PackedFigures & { readonly span: Span; readonly since: Date }

/** Days are those of UTC. */
export const startOf = (span: Span, at: Date): Date => {
  const ms = span === 'hour' ? HOUR_MS : DAY_MS
  return new Date(Math.floor(at.getTime() / ms) * ms)
}

/** A window begins with the hour, or where days are all that is kept with the day, that its first moment lies in. */
export function beginningOf(window: Window, now: Date): Date {
  const first = new Date(now.getTime() - WINDOWS[window])
  return startOf(window === '24h' ? 'hour' : 'day', first)
}

/** Hours before this are made into days: they are in no window any more in which hours count. */
export const hoursEnd = (now: Date): Date => startOf('day', new Date(now.getTime() - DAY_MS))

/** Days before this are in no window any more. */
export const daysEnd = (now: Date): Date => beginningOf('30d', now)

type Since = PackedFigures & { readonly since: Date }

/** The figures of a window, and the part of it that was watched. */
export type Level = {
  readonly window: Window
  readonly since: Date
  readonly coverage: number
  readonly figures: Figures
}

/** Of sums that begin where windows do. */
export function levelOf(window: Window, rows: readonly Since[], now: Date): Level {
  const since = beginningOf(window, now)
  const figures = sumOf(rows.filter((row) => row.since >= since))
  const coverage = Math.min(1, figures.watchedMs / Math.max(1, now.getTime() - since.getTime()))
  return { window, since, coverage, figures }
}
