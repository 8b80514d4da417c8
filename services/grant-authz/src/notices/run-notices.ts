import { backoffMs, type Clock } from '@powernode/clock'
import { Doorbell } from '@powernode/events'
import { inTransaction, type Db, type Listener } from '@powernode/postgres'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import { refusalOf, type Reason } from '@powernode/rpc'
import type { Sealing } from '../bearer-seal.ts'
import { TOLD_AFTER_END_MS, type OwedNotice } from '../notice.ts'
import { settleNotice } from '../operations/notices/settle-notice.ts'
import * as grants from '../store/grants.ts'
import * as notices from '../store/notices.ts'
import type { Tables } from '../store/tables.ts'
import { sendNotice, SEND_MS, type Border } from './send-notice.ts'

export type NoticeDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  /** The inner side of the gateway. */
  readonly border: Border
  readonly sealing: Sealing
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

const AT_ONCE = 16
/** So many of them to one peer: one that lets us wait for each answer must not keep us from the others. */
const OF_ONE_PEER = 4
const SLOWEST_LOOK_MS = 10_000
/** Longer than the call takes; a replica that was killed over one leaves it to the others for so long. */
const LEASE_MS = 2 * SEND_MS
const RETRY = { firstMs: 200, mostMs: 300_000 }

/** Said when the peer is nobody who could be told, now or later. */
const NOBODY: ReadonlySet<string> = new Set<Reason>(['PEER_REVOKED'])

/**
 * Tells peers what became of the grants they hold, until told to stop.
 *
 * Woken by the commit of what is owed; a slow timer looks as well. Several replicas share the list. A peer that cannot be
 * reached holds up nobody else's, and is tried for as long as it matters.
 */
export async function runNotices(deps: NoticeDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen(notices.NOTICES_CHANNEL, () => bell.ring(), stop),
    (stop) => tellDue(deps, bell, stop),
  ])
}

async function tellDue(deps: NoticeDeps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps
  const underway = new Map<Promise<void>, string>()
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      for (let isMore = true; isMore && underway.size < AT_ONCE;) {
        const notice = await claimOne(deps, busyOf(underway.values()))
        isMore = notice !== undefined
        if (!notice) continue
        const one = tellOne(deps, notice, signal).finally(() => {
          underway.delete(one)
          bell.ring()
        })
        underway.set(one, notice.peerId)
      }
      if (underway.size < AT_ONCE) waitMs = await untilNext(deps, busyOf(underway.values()))
    } catch (error) {
      logger.warn({ task: 'notices', error }, 'what peers are to be told cannot be read')
    }
    await bell.wait(clock, waitMs, signal)
  }
  await Promise.all(underway.keys())
}

async function claimOne({ db, clock }: NoticeDeps, busy: readonly string[]): Promise<OwedNotice | undefined> {
  const now = clock.now()
  const until = new Date(now.getTime() + LEASE_MS)
  const [notice] = await inTransaction(db, (tx) => notices.claimDue(tx, now, { until, limit: 1, busy }))
  return notice
}

/** The peers that are told as much at once as any peer is. */
function busyOf(told: Iterable<string>): readonly string[] {
  const counts = Map.groupBy(told, (peerId) => peerId)
  return [...counts].flatMap(([peerId, all]) => (all.length < OF_ONE_PEER ? [] : [peerId]))
}

async function untilNext({ db, clock }: NoticeDeps, busy: readonly string[]): Promise<number> {
  const next = await inTransaction(db, (tx) => notices.nextDueAt(tx, busy))
  const ms = next ? next.getTime() - clock.now().getTime() : SLOWEST_LOOK_MS
  return Math.min(SLOWEST_LOOK_MS, Math.max(1, ms))
}

async function tellOne(deps: NoticeDeps, notice: OwedNotice, signal: AbortSignal): Promise<void> {
  const { db, clock, logger, metrics } = deps
  const { what, peerId, grantId } = notice
  const counted = metrics.counter('fed_grant_notices_total', 'What peers were told of grants', ['what', 'outcome'])
  const fields = { task: 'notices', peer_id: peerId, grant_id: grantId, kind: what, attempt: notice.attempts + 1 }
  try {
    await sendNotice(deps, notice, signal)
    await inTransaction(db, (tx) => settleNotice(tx, clock.now(), notice))
    counted.inc({ what, outcome: 'told' })
    logger.info({ ...fields, outcome: 'ok' }, 'told a peer of its grant')
  } catch (error) {
    if (signal.aborted) return // the lease runs out, and whoever is there then tells
    counted.inc({ what, outcome: 'failed' })
    logger.warn({ ...fields, error }, 'a peer could not be told of its grant')
    await noted(deps, notice, error)
  }
}

/** What could not be noted is tried again when its lease runs out. */
async function noted(deps: NoticeDeps, notice: OwedNotice, error: unknown): Promise<void> {
  const { db, clock, logger } = deps
  const refusal = refusalOf(error)
  const said = refusal?.reason === 'PEER_REFUSED' ? refusal.metadata['peer_reason'] : refusal?.reason
  try {
    await inTransaction(db, async (tx) => {
      const now = clock.now()
      const grant = await grants.find(tx, notice.grantId)
      const endedMs = grant?.endedAt?.getTime() ?? Infinity
      if (NOBODY.has(said ?? '') || now.getTime() > endedMs + TOLD_AFTER_END_MS) return notices.settle(tx, notice)
      const at = new Date(now.getTime() + backoffMs(notice.attempts + 1, RETRY))
      return notices.postpone(tx, notice, { at, error: said ?? 'a fault' })
    })
  } catch (failure) {
    logger.warn({ task: 'notices', peer_id: notice.peerId, error: failure }, 'that it is told again could not be noted')
  }
}
