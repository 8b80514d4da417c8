import {
  createConnectRouter,
  createContextValues,
  type ConnectRouter,
  type ConnectRouterOptions,
  type HandlerContext,
} from '@connectrpc/connect'
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol'
import type { Clock } from '@powernode/clock'
import type { Logger, Metrics } from '@powernode/process'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { callerKey, requestIdKey, traceKey } from '../calls/call.ts'
import { REQUEST_ID, requestIdFrom } from '../calls/request-id.ts'
import { childOf, TRACEPARENT } from '../calls/trace.ts'
import { Refusal } from '../errors/refusal.ts'
import { authorizer } from './authorize.ts'
import { callRecordKey, createRecorder, type CallRecord, type Origin } from './call-record.ts'
import { limitDeadline } from './deadline.ts'
import type { Mount } from './mount.ts'
import type { OperatorLookup } from './operator-lookup.ts'
import { outcomes } from './outcome.ts'
import { plainRefusal } from './plain-refusal.ts'
import { checkedBody, MESSAGE_MAX_BYTES, objectionToBody } from './request-body.ts'
import { until } from './until.ts'
import { validation, warmUp } from './validate.ts'

/** Answers one request, whichever of the three protocols it speaks, for whoever `origin` is. */
export type Dispatch = (request: UniversalServerRequest, origin: Origin) => Promise<UniversalServerResponse>

export type DispatchOptions = {
  readonly mounts: readonly Mount[]
  readonly operators: OperatorLookup
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Ends every stream, with the reason it aborts with. */
  readonly stopping: AbortSignal
}

/**
 * Everything a call passes on its way to the handler, in one place, without sockets:
 *
 *     headers:  request id, trace ▸ method known? ▸ who is it, may they? ▸ deadline, size     (nothing of the body is read yet)
 *     body:     size ▸ readable as the message it should be?
 *     message:  outcome ▸ the rules of its proto ▸ handler
 *
 * All of it answers in the caller's own protocol (Connect, gRPC, gRPC-Web) with a typed refusal, and is recorded.
 */
export function createDispatch({ mounts, operators, clock, logger, metrics, stopping }: DispatchOptions): Dispatch {
  const record = createRecorder({ logger, metrics })
  const authorize = authorizer(mounts, operators)

  const served = handlersOf(
    { interceptors: [outcomes(stopping, clock), validation], requestGate: gate(admit) },
    (router) => {
      for (const { route } of mounts) route(router)
    },
  )
  async function admit(context: HandlerContext, call: CallRecord): Promise<void> {
    const { method, requestHeader: header, signal } = context
    const ask = () => authorize({ origin: call.origin, method, header, signal })
    call.caller = await until(signal, ask())
    if (call.caller.kind === 'operator') call.stillAllowed = ask
    context.values.set(callerKey, call.caller)
    if (call.objection) throw call.objection
  }
  for (const { service } of mounts) for (const method of service.methods) warmUp(method.input)

  return async (request, origin) => {
    const handler = served.get(new URL(request.url).pathname)
    const requestId = requestIdFrom(request.header.get(REQUEST_ID))
    const trace = childOf(request.header.get(TRACEPARENT))
    const call = record({ method: handler?.method, origin, requestId, trace })

    if (!speaks(handler ?? UNKNOWN, request)) return plainRefusal(call, handler)
    call.objection = objectionTo(request, handler)
    const contextValues = createContextValues()
      .set(callRecordKey, call)
      .set(requestIdKey, requestId)
      .set(traceKey, trace)
    const body = handler ? checkedBody(request, handler.method, call) : request.body
    const response = await (handler ?? UNKNOWN)({ ...request, body, contextValues })
    if (!call.begun) call.fail(new Refusal('REQUEST_INVALID', 'the protocol layer refused the request'))
    return response
  }
}

/** Stands in for every path we do not serve, because only a handler can answer in all three protocols. */
const UNKNOWN = unknownHandler()

function unknownHandler(): UniversalHandler {
  const handlers = handlersOf({ requestGate: gate(refuseUnknown) }, (router) =>
    router.rpc(Health.method.check, () => ({})),
  )
  const [handler] = handlers.values()
  if (!handler) throw new Error('the router made no handler')
  return handler
}

async function refuseUnknown({ url }: HandlerContext): Promise<void> {
  throw new Refusal('METHOD_UNKNOWN', `there is no method ${new URL(url).pathname} here`, {
    next: 'list what is served: grpcurl <address> list',
  })
}

function handlersOf(
  options: ConnectRouterOptions,
  routes: (router: ConnectRouter) => void,
): Map<string, UniversalHandler> {
  const router = createConnectRouter({
    acceptCompression: [],
    readMaxBytes: MESSAGE_MAX_BYTES,
    jsonOptions: { ignoreUnknownFields: false },
    ...options,
  })
  routes(router)
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]))
}

/** A check on the headers, whose refusal is recorded before the protocol layer sends it. */
function gate(
  check: (context: HandlerContext, call: CallRecord) => Promise<void>,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const call = context.values.get(callRecordKey)
    if (!call) throw new Error('a call without a record reached the gate')
    call.signal = context.signal
    try {
      await check(context, call)
    } catch (error) {
      throw call.fail(error)
    }
  }
}

function speaks(handler: UniversalHandler, { method, header }: UniversalServerRequest): boolean {
  return handler.allowedMethods.includes(method) && handler.supportedContentType(header.get('content-type'))
}

/** What the headers alone speak against; sets the deadline on the way. */
function objectionTo({ header }: UniversalServerRequest, handler: UniversalHandler | undefined): Refusal | undefined {
  if (!handler) return undefined
  return limitDeadline(header, handler.method) ?? objectionToBody(header)
}
