import { timestampDate, type Duration, type Timestamp } from '@bufbuild/protobuf/wkt'

export const dateOf = (at: Timestamp | undefined): Date | undefined => at && timestampDate(at)

/** Milliseconds since then; undefined when it never was. */
export const since = (at: Timestamp | undefined, now: Date): number | undefined =>
  at && now.getTime() - timestampDate(at).getTime()

export const msOf = (duration: Duration | undefined): number | undefined =>
  duration && Number(duration.seconds) * 1_000 + duration.nanos / 1e6

/** A length of time as people say it. */
export function lasting(ms: number): string {
  const size = Math.abs(ms)
  if (size < 1_000) return `${Math.round(size)} ms`
  if (size < 120_000) return `${Math.round(size / 1_000)} s`
  if (size < 2 * HOUR_MS) return `${Math.round(size / 60_000)} min`
  if (size < 2 * DAY_MS) return `${Math.round(size / HOUR_MS)} h`
  return `${Math.round(size / DAY_MS)} days`
}

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** A moment as it is read in every log. */
export const when = (at: Timestamp | undefined): string =>
  at ? `${timestampDate(at).toISOString().slice(0, 19)}Z` : 'an unknown time'
