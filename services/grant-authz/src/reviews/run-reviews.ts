import { backoffMs, type Clock } from '@powernode/clock'
import { Doorbell } from '@powernode/events'
import { inTransaction, type Db, type Listener } from '@powernode/postgres'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import type { Sealing } from '../bearer-seal.ts'
import { BY_OURSELVES } from '../events/residency.ts'
import { declareResidency } from '../operations/residency/declare-residency.ts'
import { settleReview } from '../operations/reviews/settle-review.ts'
import { verdictOn, type Review } from '../review.ts'
import * as reviews from '../store/reviews.ts'
import type { Tables } from '../store/tables.ts'
import { ASK_MS, askRegistry, type Registry } from './ask-registry.ts'

export type ReviewDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly registry: Registry
  readonly sealing: Sealing
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

const AT_ONCE = 16
const SLOWEST_LOOK_MS = 10_000
/** Longer than the question takes; a replica that was killed over one leaves it to the others for so long. */
const LEASE_MS = 2 * ASK_MS
const RETRY = { firstMs: 100, mostMs: 5_000 }

/**
 * Asks peer-registry about every peer that is to be looked at, and acts on its answer, until told to stop.
 *
 * Woken by the commit of a note; a slow timer looks as well. While peer-registry is away, notes wait. Several replicas
 * share the list.
 */
export async function runReviews(deps: ReviewDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen(reviews.REVIEWS_CHANNEL, () => bell.ring(), stop),
    (stop) => reviewDue(deps, bell, stop),
  ])
}

async function reviewDue(deps: ReviewDeps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      const due = await inTransaction(db, (tx) => {
        const now = clock.now()
        return reviews.claimDue(tx, now, { until: new Date(now.getTime() + LEASE_MS), limit: AT_ONCE })
      })
      await Promise.all(due.map((review) => reviewOne(deps, review, signal)))
      waitMs = await untilNext(deps)
    } catch (error) {
      logger.warn({ task: 'reviews', error }, 'the peers to look at cannot be read')
    }
    await bell.wait(clock, waitMs, signal)
  }
}

async function untilNext({ db, clock }: ReviewDeps): Promise<number> {
  const next = await inTransaction(db, (tx) => reviews.nextDueAt(tx))
  const ms = next ? next.getTime() - clock.now().getTime() : SLOWEST_LOOK_MS
  return Math.min(SLOWEST_LOOK_MS, Math.max(1, ms))
}

async function reviewOne(deps: ReviewDeps, review: Review, signal: AbortSignal): Promise<void> {
  const { db, registry, sealing, clock, logger, metrics } = deps
  const counted = metrics.counter('fed_peer_reviews_total', 'Peers looked at, by what came of it', ['outcome'])
  const fields = { task: 'reviews', peer_id: review.peerId, attempt: review.attempts + 1 }
  try {
    const peer = await askRegistry(registry, review.peerId, signal)
    const verdict = verdictOn(peer)
    await inTransaction(db, async (tx) => {
      const now = clock.now()
      const by = { ...BY_OURSELVES, requestId: review.correlationId, traceparent: review.traceparent }
      if (peer) await declareResidency(tx, now, { by, peerId: peer.id, declared: peer.dataResidency })
      await settleReview(tx, now, { review, verdict, sealing })
    })
    counted.inc({ outcome: verdict.word })
    logger.info({ ...fields, outcome: verdict.word }, 'peer looked at')
  } catch (error) {
    if (signal.aborted) return // the lease runs out, and whoever is there then looks
    counted.inc({ outcome: 'fault' })
    const retryMs = backoffMs(review.attempts + 1, RETRY)
    logger.warn({ ...fields, retry_in_ms: retryMs, error }, 'the peer could not be looked at')
    await postponed(deps, review, new Date(clock.now().getTime() + retryMs))
  }
}

/** What cannot be postponed is tried again when its lease runs out. */
async function postponed({ db, logger }: ReviewDeps, review: Review, at: Date): Promise<void> {
  try {
    await inTransaction(db, (tx) => reviews.postpone(tx, review, at))
  } catch (error) {
    logger.warn({ task: 'reviews', peer_id: review.peerId, error }, 'that it is tried again could not be noted')
  }
}
