import { Doorbell } from '@powernode/events'
import { inTransaction } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import { refusalOf, type Reason } from '@powernode/rpc'
import { ERRAND_LEASE_MS, retryAt, type Errand, type ErrandKind } from '../errand.ts'
import * as errands from '../store/errands.ts'
import { printable } from '../text.ts'
import { deliverBundle } from './deliver-bundle.ts'
import { fetchBundle } from './fetch-bundle.ts'
import { notifyCompromise } from './notify-compromise.ts'
import { notifyRelationship } from './notify-relationship.ts'
import { notifyRevocation } from './notify-revocation.ts'
import type { ErrandDeps, Performer } from './performer.ts'
import { whileHeld } from './while-held.ts'
import { redeem } from './redeem.ts'
import { renewCertificate } from './renew-certificate.ts'
import { reportClone } from './report-clone.ts'

const PERFORMERS: Readonly<Record<ErrandKind, Performer>> = {
  redeem,
  deliver_bundle: deliverBundle,
  fetch_bundle: fetchBundle,
  renew_certificate: renewCertificate,
  notify_revocation: notifyRevocation,
  notify_relationship: notifyRelationship,
  notify_compromise: notifyCompromise,
  report_clone: reportClone,
}

const AT_ONCE = 64
const SLOWEST_LOOK_MS = 10_000

/** Does what is owed to other platforms, soonest first, until told to stop. Several replicas share the list. */
export async function runErrands(deps: ErrandDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen('peer_registry_errands', () => bell.ring(), stop),
    (stop) => doDue(deps, bell, stop),
  ])
}

/**
 * Each errand runs by itself: a peer that takes the call and never answers holds up nobody else's. Ends when the last
 * one under way has ended.
 */
async function doDue(deps: ErrandDeps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  const underway = new Set<Promise<void>>()
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      const free = AT_ONCE - underway.size
      const due = free > 0 ? await inTransaction(db, (tx) => claim(tx, clock.now(), free)) : []
      for (const errand of due) {
        const one = doOne(deps, errand, signal).finally(() => {
          underway.delete(one)
          bell.ring()
        })
        underway.add(one)
      }
      if (free > 0) waitMs = await untilNext(deps)
    } catch (error) {
      logger.warn({ task: 'errands', error }, 'errands cannot be read')
    }
    await bell.wait(clock, waitMs, signal)
  }
  await Promise.all(underway)
}

const claim = (tx: Parameters<typeof errands.claimDue>[0], now: Date, limit: number) =>
  errands.claimDue(tx, now, new Date(now.getTime() + ERRAND_LEASE_MS), limit)

async function untilNext({ db, clock }: ErrandDeps): Promise<number> {
  const next = await inTransaction(db, (tx) => errands.nextDueAt(tx))
  const ms = next ? next.getTime() - clock.now().getTime() : SLOWEST_LOOK_MS
  return Math.min(SLOWEST_LOOK_MS, Math.max(1, ms))
}

/** Reasons of our own gateway or of the road: they pass. Every other refusal is the other side's word. */
const PASSING: ReadonlySet<Reason> = new Set([
  'PEER_UNREACHABLE',
  'PEER_CIRCUIT_OPEN',
  // Our own gateway has not heard yet what has just been committed here.
  'PEER_NOT_FOUND',
  'PEER_NOT_ENROLLED',
  'POLICY_STALE',
  'SERVICE_UNAVAILABLE',
  'RATE_LIMITED',
  'DEADLINE_EXCEEDED',
])
/** What the other side says only for now. */
const PASSING_THERE: ReadonlySet<string> = new Set([...PASSING, 'PEER_SUSPENDED', 'ENROLLMENT_PENDING'])

async function doOne(deps: ErrandDeps, errand: Errand, signal: AbortSignal): Promise<void> {
  const { clock, logger, metrics } = deps
  const performer = PERFORMERS[errand.kind]
  const counted = metrics.counter('fed_errands_total', 'What was done for or with other platforms', ['kind', 'outcome'])
  const fields = { task: errand.kind, peer_id: errand.peerId, attempt: errand.attempts + 1 }
  try {
    if (errand.expiresAt <= clock.now()) {
      await performer.expired(deps, errand)
      counted.inc({ kind: errand.kind, outcome: 'expired' })
      return logger.warn(fields, 'errand given up')
    }
    await whileHeld(deps, errand, () => performer.perform(deps, errand, signal))
    counted.inc({ kind: errand.kind, outcome: 'done' })
    logger.info({ ...fields, outcome: 'ok' }, 'errand done')
  } catch (error) {
    counted.inc({ kind: errand.kind, outcome: 'failed' })
    logger.warn({ ...fields, error }, 'errand failed')
    await noted(cannot(deps, errand, performer, error), deps, errand)
  }
}

/** What could not be noted is tried again when the lease of the errand runs out. */
async function noted(noting: Promise<void>, { logger }: ErrandDeps, { kind, peerId }: Errand): Promise<void> {
  try {
    await noting
  } catch (error) {
    logger.warn({ task: kind, peer_id: peerId, error }, 'how an errand failed could not be noted')
  }
}

async function cannot(deps: ErrandDeps, errand: Errand, performer: Performer, error: unknown): Promise<void> {
  const refusal = refusalOf(error)
  const theirs = refusal?.reason === 'PEER_REFUSED' ? (refusal.metadata['peer_reason'] ?? '') : undefined
  const final =
    theirs !== undefined ? !PASSING_THERE.has(theirs) : refusal !== undefined && !PASSING.has(refusal.reason)
  const message = printable(refusal?.message ?? 'internal error')
  if (final && refusal) {
    const by = theirs === undefined ? 'us' : 'them'
    return performer.refused(deps, errand, {
      by,
      reason: theirs ?? refusal.reason,
      message,
      metadata: refusal.metadata,
    })
  }
  const why = refusal ? `${theirs ?? refusal.reason}: ${message}` : message
  const cause = causeOf(refusal?.reason)
  const at = nextTry(errand, cause, { now: deps.clock.now(), jitter: deps.jitter() })
  // The first one shows that something is amiss; more of them would make us shy of a peer that had no part in it.
  const counted = cause === 'not heard yet' ? { ...errand, attempts: Math.max(0, errand.attempts - 1) } : errand
  await inTransaction(deps.db, (tx) => errands.postpone(tx, counted, at, why))
}

type Cause = 'not heard yet' | 'ours' | 'theirs'

/** Who it failed at: our gateway has not heard of the peer yet, something of ours is away, or the other side. */
function causeOf(reason: Reason | undefined): Cause {
  if (reason === undefined) return 'ours'
  return NOT_HEARD_YET.has(reason) ? 'not heard yet' : 'theirs'
}

const NOT_HEARD_YET: ReadonlySet<Reason> = new Set(['PEER_NOT_FOUND', 'PEER_NOT_ENROLLED', 'POLICY_STALE'])
const UNHEARD_MS = { first: 10, most: 500 }
const LONGEST_OURS_MS = 5_000

/**
 * The other side is spared, we are not: our own gateway learns of a peer within milliseconds, and whatever else of ours
 * is away comes back without telling.
 */
function nextTry(errand: Errand, cause: Cause, { now, jitter }: { now: Date; jitter: number }): Date {
  const patient = retryAt(now, errand.attempts, jitter)
  if (cause === 'theirs') return patient
  const tenthOfAge = (now.getTime() - errand.createdAt.getTime()) / 10
  const unheardMs = Math.min(UNHEARD_MS.most, Math.max(UNHEARD_MS.first, tenthOfAge))
  const mostMs = cause === 'ours' ? LONGEST_OURS_MS : unheardMs
  return new Date(Math.min(patient.getTime(), now.getTime() + mostMs))
}
