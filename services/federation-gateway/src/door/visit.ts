import type { Metadata, StatusObject } from '@grpc/grpc-js'
import { counting, elapsed, timing, type Logger, type Metrics } from '@powernode/process'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { expectedEnd, CANCELED, toGrpcStatus, type Trace } from '@powernode/rpc'
import { visitorName, type Visitor } from './visitor.ts'

/** The visit a call belongs to, found by its metadata object, which is the one thing that reaches the handler unchanged. */
export type Visits = {
  readonly get: (metadata: Metadata) => Visit | undefined
  readonly set: (metadata: Metadata, visit: Visit) => void
}

const VISIT = Symbol('visit')
type Visited = Metadata & { [VISIT]?: Visit }

/** Kept on the metadata itself: a WeakMap, with thousands of calls a second, is dear to the garbage collector. */
export const visits: Visits = {
  get: (metadata: Visited) => metadata[VISIT],
  set: (metadata: Visited, visit) => void (metadata[VISIT] = visit),
}

/** The trailer under which every answer and every refusal of a call that was decided carries the decision's id. */
export const DECISION_ID = 'powernode-decision-id'

/** The place of that decision in our log about the peer. */
export const LEDGER_SEQUENCE = 'powernode-ledger-sequence'
/** The proof file (C2SP tlog-proof) for that place. */
export const RECEIPT = 'powernode-receipt-bin'

/** Adds to what goes to a caller under which id its call was decided, and where that is written down. */
export function sayWhereRecorded(metadata: Metadata, { decisionId, sequence, receipt }: Visit): void {
  if (decisionId === '') return
  metadata.set(DECISION_ID, decisionId)
  if (sequence !== undefined) metadata.set(LEDGER_SEQUENCE, String(sequence))
  if (receipt !== undefined) metadata.set(RECEIPT, Buffer.from(receipt))
}

/** The one line and two metrics that calls end in. */
type Book = {
  readonly logger: Logger
  readonly count: (rpc: string, visitor: string, outcome: string) => void
  readonly time: (seconds: number, rpc: string) => void
}

/** Which call it is, from whom, and under which ids the logs know it. */
export type Called = {
  readonly rpc: string
  readonly visitor: Visitor
  readonly requestId: string
  readonly trace: Trace
}

const elapsedMs = elapsed()

/** One call while it is served: who makes it, what was decided about it, and what it ends in. Only the first end counts. */
export class Visit {
  readonly visitor: Visitor
  readonly requestId: string
  readonly trace: Trace
  /** Who calls, once admitted; undefined for strangers who redeem an invitation, and for our own people. */
  peer: PeerRoute | undefined
  /** The last decision about the call; empty when none had to be made. */
  decisionId = ''
  /** Where that decision stands in the log about the peer; undefined when none had to be made, or while it is not known. */
  sequence: bigint | undefined
  /** The proof of that, where the caller asked for it and it could be had. */
  receipt: string | undefined
  readonly #book: Book
  readonly #rpc: string
  readonly #beganMs = elapsedMs()
  #isSettled = false

  constructor(book: Book, { rpc, visitor, requestId, trace }: Called) {
    this.#book = book
    this.#rpc = rpc
    this.visitor = visitor
    this.requestId = requestId
    this.trace = trace
  }

  /** The call was answered. */
  succeed(): void {
    this.#settle('ok')
  }

  /** The caller went away. */
  abandon(): void {
    this.#settle('canceled')
  }

  /** The call failed; returns what the caller is told of it. */
  fail(error: unknown): StatusObject {
    const end = expectedEnd(error)
    if (end === CANCELED) this.abandon()
    else this.#settle(end?.reason ?? 'fault', error)
    const status = toGrpcStatus(end === CANCELED ? error : (end ?? error), this.requestId)
    if (status.metadata) sayWhereRecorded(status.metadata, this)
    return status
  }

  #settle(outcome: string, fault?: unknown): void {
    if (this.#isSettled) return
    this.#isSettled = true
    const ms = elapsedMs() - this.#beganMs
    const { count, time, logger } = this.#book
    const rpc = this.#rpc
    count(rpc, this.visitor.identity.kind, outcome)
    time(ms / 1_000, rpc)
    const fields = {
      rpc,
      caller: visitorName(this.visitor),
      peer_id: this.peer?.peerId,
      decision_id: this.decisionId || undefined,
      remote_address: this.visitor.remoteAddress,
      request_id: this.requestId,
      trace_id: this.trace.traceId,
      outcome,
      ms: Math.round(ms * 100) / 100,
    }
    if (outcome === 'fault') logger.error({ ...fields, error: fault }, 'request')
    else logger.info(fields, 'request')
  }
}

export type Recorder = (call: Called) => Visit

/** Counts, times and logs calls at the door: one structured line each, whatever becomes of it. */
export function createRecorder({ logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics }): Recorder {
  const names = ['rpc', 'visitor', 'outcome'] as const
  const calls = metrics.counter(
    'fed_gateway_calls_total',
    'Calls of peers by outcome: ok, canceled, fault or the reason of a refusal',
    names,
  )
  const duration = metrics.histogram('fed_gateway_call_duration_seconds', 'How long calls of peers took', ['rpc'])
  const book = { logger, count: counting(calls, names), time: timing(duration, ['rpc']) }
  return (call) => new Visit(book, call)
}
