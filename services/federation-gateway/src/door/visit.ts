import type { Metadata, StatusObject } from '@grpc/grpc-js'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { expectedEnd, CANCELED, toGrpcStatus, type Trace } from '@powernode/rpc'
import { visitorName, type Visitor } from './visitor.ts'

/** One call while it is served: who makes it, and the one line and two metrics it ends in. */
export type Visit = {
  readonly visitor: Visitor
  readonly requestId: string
  readonly trace: Trace
  /** Who calls, once admitted; undefined for strangers who redeem an invitation, and for our own people. */
  peer: PeerRoute | undefined
  /** The last decision about the call; empty when none had to be made. */
  decisionId: string
  /** Where that decision stands in the log about the peer; undefined when none had to be made, or while it is not known. */
  sequence: bigint | undefined
  /** The proof of that, where the caller asked for it and it could be had. */
  receipt: string | undefined
  /** The call was answered. Only the first outcome counts. */
  readonly succeed: () => void
  /** The caller went away. */
  readonly abandon: () => void
  /** The call failed; returns what the caller is told of it. */
  readonly fail: (error: unknown) => StatusObject
}

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

export type Recorder = (rpc: string, visitor: Visitor, requestId: string, trace: Trace) => Visit

/** Counts, times and logs calls at the door: one structured line each, whatever becomes of it. */
export function createRecorder({ logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics }): Recorder {
  const calls = metrics.counter(
    'fed_gateway_calls_total',
    'Calls of peers by outcome: ok, canceled, fault or the reason of a refusal',
    ['rpc', 'visitor', 'outcome'],
  )
  const duration = metrics.histogram('fed_gateway_call_duration_seconds', 'How long calls of peers took', ['rpc'])

  return (rpc, visitor, requestId, trace) => {
    const time = elapsed()
    let settled = false
    const visit: Visit = {
      visitor,
      requestId,
      trace,
      peer: undefined,
      decisionId: '',
      sequence: undefined,
      receipt: undefined,
      succeed: () => settle('ok'),
      abandon: () => settle('canceled'),
      fail,
    }

    function settle(outcome: string, fault?: unknown): void {
      if (settled) return
      settled = true
      const ms = time()
      calls.inc({ rpc, visitor: visitor.identity.kind, outcome })
      duration.observe({ rpc }, ms / 1_000)
      const fields = {
        rpc,
        caller: visitorName(visitor),
        peer_id: visit.peer?.peerId,
        decision_id: visit.decisionId || undefined,
        remote_address: visitor.remoteAddress,
        request_id: requestId,
        trace_id: trace.traceId,
        outcome,
        ms: Math.round(ms * 100) / 100,
      }
      if (outcome === 'fault') logger.error({ ...fields, error: fault }, 'request')
      else logger.info(fields, 'request')
    }

    function fail(error: unknown): StatusObject {
      const end = expectedEnd(error)
      if (end === CANCELED) settle('canceled')
      else settle(end?.reason ?? 'fault', error)
      const status = toGrpcStatus(end === CANCELED ? error : (end ?? error), requestId)
      if (status.metadata) sayWhereRecorded(status.metadata, visit)
      return status
    }

    return visit
  }
}
