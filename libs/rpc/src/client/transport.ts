import type { Interceptor, Transport } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { patient, type Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import { REQUEST_ID, requestIdFrom } from '../calls/request-id.ts'
import { childOf, TRACEPARENT, traceparentOf } from '../calls/trace.ts'
import { connectionLost } from './connection-lost.ts'
import { originOf } from './connection.ts'
import { retryUntouched } from './retry.ts'
import { keepSession, type Session, type SessionOptions } from './session.ts'

export type TransportOptions = {
  /** Where the server listens. */
  readonly address: { readonly host: string; readonly port: number }
  /** The service that must be there: `peer-registry` for spiffe://<trustDomain>/service/peer-registry. */
  readonly server: string
  readonly trustDomain: string
  /** Whose certificate we show; the directory is followed. */
  readonly tlsDir: string
  readonly clock: Clock
  readonly logger: Logger
  /** How long a call waits for a server that cannot be reached; within its deadline. */
  readonly patienceMs?: number
  /** How long an answer to a unary call is waited for, unless the call says so itself. */
  readonly deadlineMs?: number
}

const DEFAULT_DEADLINE_MS = 10_000
const DEFAULT_PATIENCE_MS = 2_000
/** As much as gRPC clients take by default: lists are paged, streams carry many messages. */
export const ANSWER_MAX_BYTES = 4_194_304

/**
 * The road to one server of ours, shared by the clients of all its services: Connect in binary over one HTTP/2
 * session, mTLS both ways. Open until `signal` aborts.
 *
 * A unary call has ten seconds unless these options or its caller say otherwise; a stream lasts until its reader leaves the loop over
 * it, or aborts its signal.
 */
export function openTransport(options: TransportOptions, signal: AbortSignal): Transport {
  const way = sessionTo(options)
  return transportOver(
    originOf(way.target),
    keepSession(way, signal),
    options.deadlineMs ?? patient(DEFAULT_DEADLINE_MS),
  )
}

/** What a session needs that leads where these options say. */
export function sessionTo(options: TransportOptions): SessionOptions {
  const { address, server, trustDomain, tlsDir, clock, logger, patienceMs = patient(DEFAULT_PATIENCE_MS) } = options
  return { target: { ...address, server: { trustDomain, kind: 'service', name: server } }, tlsDir, clock, logger, patienceMs } // prettier-ignore
}

function transportOver(baseUrl: string, session: Session, deadlineMs: number): Transport {
  const transport = createConnectTransport({
    httpVersion: '2',
    baseUrl,
    sessionManager: session,
    readMaxBytes: ANSWER_MAX_BYTES,
    acceptCompression: [],
    interceptors: [traced, connectionLost, retryUntouched],
  })
  return {
    // oxlint-disable-next-line max-params -- the library's own signature
    unary: (method, signal, timeoutMs = deadlineMs, ...rest) => transport.unary(method, signal, timeoutMs, ...rest),
    stream: (...call) => transport.stream(...call),
  }
}

/** Every call outward has a request id and a trace: those it was made under (see `within`), or new ones. */
export const traced: Interceptor = (next) => (req) => {
  req.header.set(REQUEST_ID, requestIdFrom(req.header.get(REQUEST_ID)))
  if (!req.header.has(TRACEPARENT)) req.header.set(TRACEPARENT, traceparentOf(childOf(undefined)))
  return next(req)
}
