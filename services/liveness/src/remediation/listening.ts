import type { Freshness } from '../freshness.ts'

/** Since when we have been listening without a gap: silence before that is ours, not theirs. */
export type Listening = {
  readonly since: Date
  /** Why we began anew. */
  readonly reason: string
  readonly tickedAt: Date
}

/** What a tick knows of itself. */
export type Tick = {
  readonly now: Date
  readonly tickMs: number
  /** What passed since the tick before by a clock that nobody can set; null: this process has not ticked before. */
  readonly elapsedMs: number | null
  /** Whether a gateway can tell us of beats. */
  readonly earOpen: boolean
}

/** A gap of more ticks than this is one in which we cannot say that we listened. */
export const GAP_TICKS = 3

/**
 * Whether we have listened all the time since the last tick, whoever made that one.
 *
 * A stall, a time in which nobody ran, a clock that was set, a platform without a gateway: each begins the listening anew, and says
 * so. A leader that follows another within three ticks inherits, for beats are heard by every replica.
 */
export function listen(
  before: Listening | undefined,
  tick: Tick,
): { readonly after: Listening; readonly anew: boolean } {
  const reason = before ? interruption(before, tick) : 'started'
  if (before && reason === undefined) return { after: { ...before, tickedAt: tick.now }, anew: false }
  return { after: { since: tick.now, reason: reason ?? 'started', tickedAt: tick.now }, anew: true }
}

function interruption({ tickedAt }: Listening, { now, tickMs, elapsedMs, earOpen }: Tick): string | undefined {
  const passedMs = now.getTime() - tickedAt.getTime()
  const gapMs = GAP_TICKS * tickMs
  if (elapsedMs === null) {
    if (passedMs < -tickMs) return `the clock went back by ${words(-passedMs)}`
    if (passedMs > gapMs) return `nobody listened for ${words(passedMs)}`
  } else {
    if (elapsedMs > gapMs) return `stalled for ${words(elapsedMs)}`
    const jumpMs = passedMs - elapsedMs
    if (Math.abs(jumpMs) > tickMs)
      return `the clock went ${jumpMs < 0 ? 'back' : 'forward'} by ${words(Math.abs(jumpMs))}`
  }
  return earOpen ? undefined : NO_EAR
}

export const NO_EAR = 'no gateway was connected'

/**
 * What we know of a peer, when listening begins anew: it has a whole stale limit to be heard in, and nothing was heard later
 * than now, whatever the clock said then.
 */
export function heedAnew(of: Freshness, now: Date): Freshness {
  const past = (at: Date | null) => (at && at > now ? now : at)
  const silentAt = of.announced === 'heard' ? new Date(now.getTime() + of.staleAfterMs) : of.silentAt
  return { ...of, lastHeardAt: past(of.lastHeardAt), lastHeardByThemAt: past(of.lastHeardByThemAt), silentAt }
}

function words(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
