import { backoffMs, Doorbell } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import { giveUpWaiting } from '../operations/mirror/give-up-waiting.ts'
import * as mirrorHolds from '../store/mirror-holds.ts'
import { Doubts } from './doubts.ts'
import type { MirrorDeps } from './mirror-deps.ts'
import { lookIntoLog } from './look-into-log.ts'

const AT_ONCE = 16
const LOOK_MS = 1_000
const RETRY = { firstMs: 250, mostMs: 30_000 }

type Tried = { readonly failures: number; readonly notBefore: number }

/**
 * Looks into logs that may lack what we have signed, and brings back what is missing from the mirrors of their peers, until
 * told to stop.
 *
 * Rung by whoever meets a peer that has seen more of our log than there is; those on hold are looked at by a slow timer as
 * well. After the database was started anew a log waits for its peer's word, but not for ever: a peer that is gone must not
 * keep us from writing down that it is.
 */
export async function recoverLogs(deps: MirrorDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  const rung = new Set<string>()
  const hear = (peerId: string | undefined) => {
    if (peerId) rung.add(peerId)
    bell.ring()
  }
  await runTasks(signal, [
    (stop) => deps.listener.listen(mirrorHolds.DOUBT_CHANNEL, hear, stop),
    (stop) => recoverDue(deps, { bell, rung }, stop),
  ])
}

async function recoverDue(
  deps: MirrorDeps,
  { bell, rung }: { readonly bell: Doorbell; readonly rung: Set<string> },
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, logger, doubtMs } = deps
  const underway = new Map<string, Promise<void>>()
  const tried = new Map<string, Tried>()
  const doubts = new Doubts(doubtMs)
  const start = (peerId: string) => {
    const work = look(deps, peerId, { tried, doubts }, signal).finally(() => {
      underway.delete(peerId)
      bell.ring()
    })
    underway.set(peerId, work)
  }
  while (!signal.aborted) {
    try {
      const waiting = await inTransaction(db, (tx) => mirrorHolds.waiting(tx, [mirrorHolds.IN_DOUBT, mirrorHolds.LOST]))
      const nowMs = clock.now().getTime()
      const isDue = (peerId: string) => !underway.has(peerId) && (tried.get(peerId)?.notBefore ?? 0) <= nowMs
      const due = [...rung].filter((peerId) => !underway.has(peerId))
      for (const { peerId, reason, since } of waiting) {
        const isOver = reason === mirrorHolds.IN_DOUBT && doubts.isOver(peerId, since.getTime(), nowMs)
        if (isOver && !underway.has(peerId)) await inTransaction(db, (tx) => giveUpWaiting(tx, clock.now(), { peerId }))
        else if (isDue(peerId) && !due.includes(peerId)) due.push(peerId)
      }
      for (const peerId of due.slice(0, AT_ONCE - underway.size)) {
        rung.delete(peerId)
        start(peerId)
      }
    } catch (error) {
      logger.warn({ task: 'recover', error }, 'which logs wait for their peers cannot be read')
    }
    await bell.wait(clock, LOOK_MS, signal)
  }
  await Promise.all(underway.values())
}

type Memory = { readonly tried: Map<string, Tried>; readonly doubts: Doubts }

// oxlint-disable-next-line max-params -- for whom, what was tried, and until when: the signal comes last, as everywhere
async function look(deps: MirrorDeps, peerId: string, { tried, doubts }: Memory, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps
  try {
    const outcome = await lookIntoLog(deps, peerId, signal)
    doubts.asked(peerId, clock.now().getTime())
    logger.info({ task: 'recover', peer_id: peerId, outcome }, 'looked into a log of ours')
    if (outcome !== 'incomplete') {
      tried.delete(peerId)
      return
    }
  } catch (error) {
    if (signal.aborted) return
    doubts.asked(peerId, clock.now().getTime(), error)
    logger.warn({ task: 'recover', peer_id: peerId, error }, 'what a peer has seen of our log cannot be learnt')
  }
  const failures = (tried.get(peerId)?.failures ?? 0) + 1
  tried.set(peerId, { failures, notBefore: clock.now().getTime() + backoffMs(failures, RETRY) })
}
