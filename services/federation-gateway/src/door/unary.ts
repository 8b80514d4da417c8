import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { handleUnaryCall } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import { Refusal, refusalOf, refuseInvalid, warmUp } from '@powernode/rpc'
import type { CallLimits } from '../limits.ts'
import type { Visit, Visits } from './visit.ts'

/** What a handler is told beside the request. */
export type Asked = {
  readonly visit: Visit
  /** What is left of the caller's deadline, or of ours. */
  readonly timeoutMs: number
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal
}

export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  asked: Asked,
) => Promise<MessageInitShape<O>>

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
): handleUnaryCall<Buffer, Buffer> {
  warmUp(method.input)
  return (call, answer) => {
    const visit = parts.visits.get(call.metadata)
    if (!visit) throw new Error('a handler was reached without a visit')
    const hungUp = new AbortController()
    call.once('cancelled', () => hungUp.abort())
    const timeoutMs = timeLeftMs(call.getDeadline(), parts.clock.now(), parts.limits)
    respond(method, handle, call.request, { visit, timeoutMs, signal: hungUp.signal }).then(
      (bytes) => answer(null, bytes),
      (error: unknown) => answer(visit.fail(error)),
    )
  }
}

async function respond<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  handle: UnaryHandler<I, O>,
  bytes: Buffer,
  asked: Asked,
): Promise<Buffer> {
  const request = decode(method.input, bytes)
  refuseInvalid(method.input, request)
  const response = await handle(request, asked)
  return Buffer.from(toBinary(method.output, create(method.output, response)))
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
function timeLeftMs(deadline: Date | number, now: Date, { defaultDeadlineMs, maxDeadlineMs }: CallLimits): number {
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
