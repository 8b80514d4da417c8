import { Doorbell, type Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { Contradiction, type CopyPlace, type Head } from '../log-files.ts'
import { raiseContradiction } from '../operations/alarms/raise-contradiction.ts'
import { readHeads, readHeadsOf } from '../operations/export/read-heads.ts'
import type { Tables } from '../store/tables.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger }

/** Does with one log what the round is for. */
export type Step = (head: Head) => Promise<void>

/** Hears of logs that are not the same in the database and in that place, and of those that are. */
export type Verdicts = {
  readonly place: CopyPlace
  readonly contradicts: (origin: string) => void
  readonly agrees: (origin: string) => void
}

/** Logs that have a new checkpoint, by id; all, after a time in which we were deaf. */
export type Rung = { readonly bell: Doorbell; logIds: Set<number>; all: boolean }

export const nothingRung = (): Rung => ({ bell: new Doorbell(), logIds: new Set(), all: true })

export function ring(rung: Rung, logId: number | undefined): void {
  if (logId === undefined) rung.all = true
  else rung.logIds.add(logId)
  rung.bell.ring()
}

const PAGE = 200
/** Logs at a time: flushes that come together cost the disk hardly more than one. */
const AT_ONCE = 4
/** What fails for one log may do so for all: no round tries them all. */
const FAILURES_A_ROUND = 3

/** One round over the logs that rang. Those of a round that failed stay rung. */
// oxlint-disable-next-line max-params -- over what, what to do, and who hears how it went
export async function eachRung(deps: Deps, rung: Rung, step: Step, verdicts: Verdicts): Promise<void> {
  const { all, logIds } = rung
  rung.all = false
  rung.logIds = new Set()
  try {
    if (all) return await eachHead(deps, step, { verdicts, isOver: () => false })
    if (logIds.size === 0) return
    const said = { logIds: [...logIds] }
    const heads = await inTransaction(deps.db, (tx) => readHeadsOf(tx, deps.clock.now(), said))
    throwFirst(await each(deps, heads, step, verdicts))
  } catch (error) {
    rung.all ||= all
    for (const logId of logIds) rung.logIds.add(logId)
    throw error
  }
}

/** One round over all logs. One that contradicts itself, or fails, keeps no other waiting; a failure is thrown in the end. */
export async function eachHead(
  deps: Deps,
  step: Step,
  { verdicts, isOver }: { readonly verdicts: Verdicts; readonly isOver: () => boolean },
): Promise<void> {
  const failures: unknown[] = []
  for (let after = 0; !isOver() && failures.length < FAILURES_A_ROUND;) {
    const said = { after, limit: PAGE }
    const heads = await inTransaction(deps.db, (tx) => readHeads(tx, deps.clock.now(), said))
    const unlessOver: Step = (head) => (isOver() ? Promise.resolve() : step(head))
    failures.push(...(await each(deps, heads, unlessOver, verdicts)))
    const last = heads.at(-1)
    if (!last) break
    after = last.logId
  }
  throwFirst(failures)
}

// oxlint-disable-next-line max-params -- as eachRung
async function each(deps: Deps, heads: readonly Head[], step: Step, verdicts: Verdicts): Promise<unknown[]> {
  const failures: unknown[] = []
  const waiting = heads.values()
  const work = async () => {
    for (const head of waiting) {
      if (failures.length >= FAILURES_A_ROUND) return
      try {
        await step(head)
        verdicts.agrees(head.origin)
      } catch (error) {
        const failure = error instanceof Contradiction ? await alarm(deps, head, error, verdicts) : error
        if (failure !== undefined) failures.push(failure)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return failures
}

/** Raises the alarm, once for as long as it is open; returns why it could not be. */
// oxlint-disable-next-line max-params -- as eachRung
async function alarm(deps: Deps, head: Head, error: Contradiction, verdicts: Verdicts): Promise<unknown> {
  const { db, clock, logger } = deps
  verdicts.contradicts(head.origin)
  logger.error({ path: head.origin, error }, 'ALARM: a log is not the same everywhere')
  const said = { head, place: verdicts.place, detail: error.message, found: error.found }
  try {
    return await inTransaction(db, (tx) => raiseContradiction(tx, clock.now(), said))
  } catch (failure) {
    return failure
  }
}

function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0]
}
