import type { Tx } from '@powernode/postgres'
import { GAP_TICKS, listen, NO_EAR, type Listening } from '../remediation/listening.ts'
import * as freshness from '../store/freshness.ts'
import * as listening from '../store/listening.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'

export type Heeding = {
  readonly tickMs: number
  /** The tick before, if this process made it, and what has passed since by a clock that nobody sets. */
  readonly last: { readonly at: Date; readonly elapsedMs: number } | undefined
}

export type Heeded = {
  readonly listening: Listening
  /** Why listening began anew, when that is news: while no gateway is there it begins anew with every tick, and is told once. */
  readonly anew: string | undefined
  /** When somebody ticked last before now; undefined: never. */
  readonly tickedBefore: Date | undefined
}

/**
 * Notes that we listen still, or since when we do again. A clock that went back takes what was heard "later" with it: a peer
 * that was heard in an hour would count as heard for as long.
 */
export async function heedListening(tx: Tx<Tables>, now: Date, { tickMs, last }: Heeding): Promise<Heeded> {
  const before = await listening.find(tx)
  const ear = await listening.earOpenAt(tx)
  const farMs = ear ? Math.abs(now.getTime() - ear.getTime()) : Infinity
  const elapsedMs = before && last?.at.getTime() === before.tickedAt.getTime() ? last.elapsedMs : null
  const { after, anew } = listen(before, { now, tickMs, elapsedMs, earOpen: farMs <= GAP_TICKS * tickMs })
  await listening.save(tx, after, tickMs)
  if (before && now < before.tickedAt) {
    await freshness.heedClockBack(tx, now)
    await signals.lookNow(tx, now) // or a silent peer would be looked at again when the clock has caught up
  }
  const isNews = anew && !(before?.reason === NO_EAR && after.reason === NO_EAR)
  return { listening: after, anew: isNews ? after.reason : undefined, tickedBefore: before?.tickedAt }
}
