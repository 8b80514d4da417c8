import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { Metadata, type handleUnaryCall } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import { Refusal, refusalOf, refuseInvalid, REQUEST_ID, TRACEPARENT, traceparentOf, warmUp } from '@powernode/rpc'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { CallLimits } from '../limits.ts'
import { sayWhereRecorded, type Visit, type Visits } from './visit.ts'

/** What a handler is told beside the request. */
export type Asked = {
  readonly visit: Visit
  readonly headers: CallHeaders
  /** What is left of the caller's deadline, or of ours. */
  readonly timeoutMs: number
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal
}

/** The metadata a call came with. */
export type CallHeaders = Pick<Metadata, 'get'>

/** Answers one message, as bytes. */
export type Respond = (bytes: Buffer, asked: Asked) => Promise<Uint8Array>

/** A handler as grpc-js wants it, and what it does, for calls that we attend to ourselves (unary-call.ts). */
export type BytesHandler = handleUnaryCall<Buffer, Buffer> & { readonly respond: Respond }

export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  asked: Asked,
) => Promise<MessageInitShape<O>>

/** What every kind of call of the library has. */
type ServerSurfaceCall = {
  readonly metadata: Metadata
  readonly cancelled: boolean
  getDeadline(): Date | number
  once(event: 'cancelled', listener: () => void): unknown
}

export type UnaryParts = { readonly visits: Visits; readonly clock: Clock; readonly limits: CallLimits }

/**
 * Makes a handler of typed messages into one of bytes: decode ▸ rules of the proto ▸ handler ▸ encode.
 *
 * Bytes come this far undecoded, so that a message that cannot be read is refused by us, with a reason, and not by the
 * library, without one.
 */
export function unary<I extends DescMessage, O extends DescMessage>(
  parts: UnaryParts,
  method: DescMethodUnary<I, O>,
  handle: UnaryHandler<I, O>,
): BytesHandler {
  warmUp(method.input)
  const respond: Respond = async (bytes, asked) => {
    const response = await handle(readRequest(method.input, bytes), asked)
    return toBinary(method.output, create(method.output, response))
  }
  const throughGrpc: handleUnaryCall<Buffer, Buffer> = (call, answer) => {
    const asked = askedBy(parts, call)
    // Of every call the library says in the end that it was cancelled; once it is answered nobody listens to that.
    respond(call.request, asked).then(
      (bytes) => {
        call.removeAllListeners('cancelled')
        answer(null, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), trailerOf(asked.visit))
      },
      (error: unknown) => {
        call.removeAllListeners('cancelled')
        answer(asked.visit.fail(error))
      },
    )
  }
  return Object.assign(throughGrpc, { respond })
}

/** What a handler is told of the call it is to answer. */
export function askedBy({ visits, clock, limits }: UnaryParts, call: ServerSurfaceCall): Asked {
  const visit = visits.get(call.metadata)
  if (!visit) throw new Error('a handler was reached without a visit')
  let signal: AbortSignal | undefined
  return {
    visit,
    headers: call.metadata,
    timeoutMs: timeLeftMs(call.getDeadline(), clock.now(), limits),
    get signal() {
      return (signal ??= signalOf(call))
    },
  }
}

/** Made for those only who ask: of most calls nobody does, and it is one of the dearer things about a call. */
function signalOf(call: ServerSurfaceCall): AbortSignal {
  const hungUp = new AbortController()
  if (call.cancelled) hungUp.abort()
  else call.once('cancelled', () => hungUp.abort())
  return hungUp.signal
}

/** The call to one of our services that a peer's call becomes: same request id and trace, no more time than is left. */
export function onward({ visit, timeoutMs, signal }: Asked) {
  return {
    headers: { [REQUEST_ID]: visit.requestId, [TRACEPARENT]: traceparentOf(visit.trace) },
    timeoutMs,
    signal,
  }
}

/** What goes with an answer: under which id the call that it answers was decided. */
export function trailerOf(visit: Visit): Metadata | undefined {
  if (visit.decisionId === '') return undefined
  const trailer = new Metadata()
  sayWhereRecorded(trailer, visit)
  return trailer
}

/** The request in these bytes, or the refusal of them. */
export function readRequest<I extends DescMessage>(schema: I, bytes: Buffer): MessageShape<I> {
  const request = decode(schema, bytes)
  refuseInvalid(schema, request)
  return request
}

/**
 * Fields we do not know are passed over and left behind: what nobody here understands has no business in what we pass
 * on, where it could make a whole batch unreadable (groups, which nest deeper there than a decoder follows).
 */
function decode<I extends DescMessage>(schema: I, bytes: Buffer): MessageShape<I> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false })
  } catch {
    throw new Refusal('REQUEST_INVALID', `the request cannot be read as a ${schema.typeName}`)
  }
}

/** The deadline we keep: the caller's, when it set one, and never longer than ours. */
export function timeLeftMs(
  deadline: Date | number,
  now: Date,
  { defaultDeadlineMs, maxDeadlineMs }: Pick<CallLimits, 'defaultDeadlineMs' | 'maxDeadlineMs'>,
): number {
  const left = Number(deadline) - now.getTime()
  return Number.isFinite(left) ? Math.max(1, Math.min(left, maxDeadlineMs)) : defaultDeadlineMs
}

/** Makes the refusal of one of our services our own answer; whatever else goes wrong there stays what it is. */
export async function passOn<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw refusalOf(error) ?? error
  }
}

/** The peer that calls, which was admitted before. */
export function peerOf({ visit }: Asked): PeerRoute {
  if (!visit.peer) throw new Error('a peer was admitted without being known')
  return visit.peer
}

/** A message field that the rules of its proto, or the service that answered, promised to be there. */
export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a required message is missing')
  return value
}
