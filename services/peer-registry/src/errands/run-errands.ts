import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { Doorbell } from '@powernode/events'
import { inTransaction, listen, type Db, type ListenConfig } from '@powernode/postgres'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { refusalOf, type Reason } from '@powernode/rpc'
import { ERRAND_LEASE_MS, retryAt, type Errand, type ErrandKind } from '../errand.ts'
import type { Us } from '../platform.ts'
import * as errands from '../store/errands.ts'
import type { Tables } from '../store/tables.ts'
import { deliverBundle } from './deliver-bundle.ts'
import { fetchBundle } from './fetch-bundle.ts'
import { notifyRevocation } from './notify-revocation.ts'
import { redeem } from './redeem.ts'
import { renewCertificate } from './renew-certificate.ts'

export type ErrandDeps = {
  readonly db: Db<Tables>
  readonly database: ListenConfig
  readonly us: Us
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** The gateway's way out: the same contract, to the peer that the header names. */
  readonly federation: Client<typeof FederationService>
  /** A number in [0, 1), to spread retries. */
  readonly jitter: () => number
}

/**
 * One way of doing what is owed to the other side. Resolves when it is done and noted; throws to be tried again.
 * Runs outside any transaction, may be cut short at any point, and MUST be safe to do twice.
 */
export type Performer = {
  readonly perform: (deps: ErrandDeps, errand: Errand, signal: AbortSignal) => Promise<void>
  /** The other side said no, and will say so again: what follows from that. */
  readonly refused: (deps: ErrandDeps, errand: Errand, reason: string, message: string) => Promise<void>
  /** Nobody needs it done any more. */
  readonly expired: (deps: ErrandDeps, errand: Errand) => Promise<void>
}

const PERFORMERS: Readonly<Record<ErrandKind, Performer>> = {
  redeem,
  deliver_bundle: deliverBundle,
  fetch_bundle: fetchBundle,
  renew_certificate: renewCertificate,
  notify_revocation: notifyRevocation,
}

const AT_ONCE = 16
const SLOWEST_LOOK_MS = 2_000

/** Does what is owed to other platforms, soonest first, until told to stop. Several replicas share the list. */
export async function runErrands(deps: ErrandDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => listen(deps.database, 'peer_registry_errands', () => bell.ring(), stop),
    (stop) => doDue(deps, bell, stop),
  ])
}

async function doDue(deps: ErrandDeps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      const due = await inTransaction(db, (tx) => claim(tx, clock.now()))
      await Promise.all(due.map((errand) => doOne(deps, errand, signal)))
      waitMs = due.length > 0 ? 0 : await untilNext(deps)
    } catch (error) {
      logger.warn({ task: 'errands', error }, 'errands cannot be read')
    }
    if (waitMs > 0) await bell.wait(clock, waitMs, signal)
  }
}

const claim = (tx: Parameters<typeof errands.claimDue>[0], now: Date) =>
  errands.claimDue(tx, now, new Date(now.getTime() + ERRAND_LEASE_MS), AT_ONCE)

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
const PASSING_THERE: ReadonlySet<string> = new Set([...PASSING, 'PEER_SUSPENDED'])

async function doOne(deps: ErrandDeps, errand: Errand, signal: AbortSignal): Promise<void> {
  const { clock, logger, metrics } = deps
  const performer = PERFORMERS[errand.kind]
  const counted = metrics.counter('errands_total', 'What was done for or with other platforms', ['kind', 'outcome'])
  const fields = { task: errand.kind, peer_id: errand.peerId, attempt: errand.attempts + 1 }
  try {
    if (errand.expiresAt <= clock.now()) {
      await performer.expired(deps, errand)
      counted.inc({ kind: errand.kind, outcome: 'expired' })
      return logger.warn(fields, 'errand given up')
    }
    await performer.perform(deps, errand, signal)
    counted.inc({ kind: errand.kind, outcome: 'done' })
    logger.info({ ...fields, outcome: 'ok' }, 'errand done')
  } catch (error) {
    await cannot(deps, errand, performer, error)
    counted.inc({ kind: errand.kind, outcome: 'failed' })
    logger.warn({ ...fields, error }, 'errand failed')
  }
}

async function cannot(deps: ErrandDeps, errand: Errand, performer: Performer, error: unknown): Promise<void> {
  const refusal = refusalOf(error)
  const theirs = refusal?.reason === 'PEER_REFUSED' ? (refusal.metadata['reason'] ?? '') : undefined
  const final =
    theirs !== undefined ? !PASSING_THERE.has(theirs) : refusal !== undefined && !PASSING.has(refusal.reason)
  const message = refusal?.message ?? 'internal error'
  if (final && refusal) return performer.refused(deps, errand, theirs ?? refusal.reason, message)
  const now = deps.clock.now()
  const why = refusal ? `${theirs ?? refusal.reason}: ${message}` : message
  await inTransaction(deps.db, (tx) => errands.postpone(tx, errand, nextTry(deps, errand, refusal?.reason, now), why))
}

const NOT_HEARD_YET: ReadonlySet<Reason> = new Set(['PEER_NOT_FOUND', 'PEER_NOT_ENROLLED', 'POLICY_STALE'])

/** Our own gateway learns of a new peer within milliseconds: no need to be patient with it. */
function nextTry({ jitter }: ErrandDeps, errand: Errand, reason: Reason | undefined, now: Date): Date {
  const soon = reason !== undefined && NOT_HEARD_YET.has(reason) && errand.attempts < 20
  return soon ? new Date(now.getTime() + 50) : retryAt(now, errand.attempts, jitter())
}

export const toPeer = (errand: Errand, signal: AbortSignal) => ({
  headers: { 'powernode-peer-id': errand.peerId },
  signal,
  timeoutMs: 15_000,
})
