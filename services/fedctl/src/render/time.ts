import { durationMs, timestampDate, type Duration, type Timestamp } from '@bufbuild/protobuf/wkt'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** A span as people say it, its two largest units: 3s, 4m12s, 6d23h; below a second in milliseconds. */
export function span(ms: number): string {
  if (ms < 0) return `-${span(-ms)}`
  if (ms < 1_000) return `${Math.round(ms)}ms`
  const first = UNITS.findIndex(([, size]) => ms >= size)
  const [large, small] = [UNITS[first], UNITS[first + 1]]
  if (!large) return '0s'
  const count = Math.floor(ms / large[1])
  const rest = small ? Math.floor((ms - count * large[1]) / small[1]) : 0
  return `${count}${large[0]}` + (small && rest > 0 && count < 10 ? `${rest}${small[0]}` : '')
}

/** How long ago: 3s. Clocks that differ a little do not make a moment in the future. */
export function age(at: Timestamp | undefined, now: Date): string {
  if (!at) return '-'
  const ms = now.getTime() - timestampDate(at).getTime()
  return ms < 1_000 ? '0s' : span(ms)
}

/** How long still: 41d; past moments say so. */
export function left(at: Timestamp | undefined, now: Date): string {
  if (!at) return '-'
  const ms = roundSecond(timestampDate(at).getTime() - now.getTime())
  return ms > 0 ? span(ms) : 'expired'
}

export const rtt = (duration: Duration | undefined): string => (duration ? span(durationMs(duration)) : '-')

/** 2026-11-21 14:05:31, UTC. */
export function moment(at: Timestamp | undefined): string {
  return at ? timestampDate(at).toISOString().replace('T', ' ').slice(0, 19) : '-'
}

const roundSecond = (ms: number): number => (Math.abs(ms) < 1_000 ? 0 : ms)
