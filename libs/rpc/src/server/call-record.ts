import type { DescMethod } from '@bufbuild/protobuf'
import { Code, ConnectError, createContextKey } from '@connectrpc/connect'
import { counting, elapsed, timing, type Logger, type Metrics } from '@powernode/process'
import { callerText, type Caller, type Holder } from '../calls/caller.ts'
import type { Trace } from '../calls/trace.ts'
import { REQUEST_ID } from '../calls/request-id.ts'
import type { Refusal } from '../errors/refusal.ts'
import { CANCELED, expectedEnd } from '../errors/expected.ts'
import { toConnectError } from '../errors/to-connect-error.ts'

/** Who is at the other end of a connection, as far as its certificate and its socket say. */
export type Origin = {
  readonly holder: Holder | undefined
  /** SHA-256 of its DER, base64url. */
  readonly certificateSha256?: string
  readonly address: string
  /** Why a certificate that verified names no caller. */
  readonly problem?: string
}

/** One call while it is served: what is known of it, and the one line and two metrics it ends in. */
export type CallRecord = {
  readonly origin: Origin
  readonly requestId: string
  readonly trace: Trace
  /** Who calls, once the gate has found out. */
  caller: Caller | undefined
  /** Throws once the caller may no longer do what it was let in for; asked again and again while a stream is open. */
  stillAllowed: (() => Promise<unknown>) | undefined
  /** Set once the message was readable and the interceptors have begun. */
  begun: boolean
  /** What the headers gave reason to refuse; thrown by the gate, after the caller was found to be allowed. */
  objection: Refusal | undefined
  /** Aborts at the deadline and when the caller hangs up; known once the gate has run. */
  signal: AbortSignal | undefined
  /** Says that the call was answered. Only the first outcome counts. */
  readonly succeed: () => void
  /** Says that the caller went away. */
  readonly abandon: () => void
  /** Says that the call failed, and returns what the caller is told of it. */
  readonly fail: (error: unknown) => ConnectError
}

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60]

export const callRecordKey = createContextKey<CallRecord | undefined>(undefined, { description: 'call record' })

export type Recorder = (known: {
  readonly method: DescMethod | undefined
  readonly origin: Origin
  readonly requestId: string
  readonly trace: Trace
}) => CallRecord

/** Counts, times and logs calls: one structured line a request, whatever becomes of it. */
export function createRecorder({ logger, metrics }: { logger: Logger; metrics: Metrics }): Recorder {
  const labels = ['rpc', 'caller_kind', 'outcome'] as const
  const requests = metrics.counter(
    'fed_rpc_requests_total',
    'Calls by outcome: ok, canceled, fault or the reason of a refusal',
    labels,
  )
  const duration = metrics.histogram('fed_rpc_duration_seconds', 'How long calls took', ['rpc'], SECONDS)
  const [count, took] = [counting(requests, labels), timing(duration, ['rpc'])]

  return ({ method, origin, requestId, trace }) => {
    const rpc = method ? `${method.parent.typeName}/${method.name}` : 'unknown'
    const time = elapsed()
    let settled = false

    function settle(outcome: string, fault?: unknown): void {
      if (settled) return
      settled = true
      const ms = time()
      const caller = call.caller ?? origin.holder
      count(rpc, caller?.kind ?? 'stranger', outcome)
      took(ms / 1_000, rpc)
      const fields = {
        rpc,
        caller: caller && callerText(caller),
        by: call.caller?.kind === 'operator' ? call.caller.by : undefined,
        remote_address: origin.address,
        request_id: requestId,
        trace_id: trace.traceId,
        outcome,
        ms: Math.round(ms * 100) / 100,
      }
      if (outcome === 'fault') logger.error({ ...fields, error: fault }, 'request')
      else logger.info(fields, 'request')
    }

    const call: CallRecord = {
      origin,
      requestId,
      trace,
      caller: undefined,
      stillAllowed: undefined,
      begun: false,
      objection: undefined,
      signal: undefined,
      succeed: () => settle('ok'),
      abandon: () => settle('canceled'),
      fail(error) {
        const end = expectedEnd(error)
        if (end === CANCELED) {
          settle('canceled')
          return new ConnectError('the caller hung up', Code.Canceled, { [REQUEST_ID]: requestId }, undefined, error)
        }
        settle(end?.reason ?? 'fault', error)
        const told = toConnectError(end ?? error, requestId)
        told.metadata.set(REQUEST_ID, requestId)
        return told
      },
    }
    return call
  }
}
