import {
  fromBinary,
  toBinary,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
} from '@bufbuild/protobuf'
import { createRouterTransport, type Interceptor, type Transport } from '@connectrpc/connect'
import type { handleBidiStreamingCall, handleServerStreamingCall, UntypedServiceImplementation } from '@grpc/grpc-js'
import { reflection, refusalOf, toConnectError, type Health, type Mount } from '@powernode/rpc'
import type { Served } from './grpc-server.ts'
import { passOn, unary, type UnaryParts } from './unary.ts'

/**
 * What every server of ours answers to machines and their keepers, here too: reflection (v1, v1alpha) and health.
 *
 * The handlers are those of libs/rpc, reached through a transport in memory, so that grpcurl sees the same everywhere.
 */
export function machineServices(parts: UnaryParts, health: Health, services: readonly DescService[]): Served[] {
  const own = health.mount(services.map(({ typeName }) => typeName))
  const mounts: readonly Mount[] = [own, ...reflection([...services, own.service])]
  const transport = createRouterTransport((router) => mounts.forEach(({ route }) => route(router)), {
    router: { interceptors: [refusalsPass] },
  })
  return mounts.map(({ service }) => ({ service, handlers: bridged(parts, service, transport) }))
}

/** What a real server does at its edge: without it a refusal would arrive as an internal error. */
const refusalsPass: Interceptor = (next) => async (req) => {
  try {
    return await next(req)
  } catch (error) {
    throw toConnectError(error)
  }
}

function bridged(parts: UnaryParts, service: DescService, transport: Transport): UntypedServiceImplementation {
  return Object.fromEntries(
    service.methods.map((method) => {
      if (isUnary(method)) return [method.localName, bridgedUnary(parts, method, transport)]
      if (answersMany(method)) return [method.localName, bridgedAnswers(parts, method, transport)]
      if (talks(method)) return [method.localName, bridgedTalk(parts, method, transport)]
      throw new Error(`${service.typeName}/${method.name} is of a kind that is not bridged`)
    }),
  )
}

const isUnary = (method: DescMethod): method is DescMethodUnary => method.methodKind === 'unary'
const answersMany = (method: DescMethod): method is DescMethodServerStreaming =>
  method.methodKind === 'server_streaming'
const talks = (method: DescMethod): method is DescMethodBiDiStreaming => method.methodKind === 'bidi_streaming'

function bridgedUnary(parts: UnaryParts, method: DescMethodUnary, transport: Transport) {
  return unary(parts, method, async (request, { timeoutMs, signal }) => {
    const answer = transport.unary(method, signal, timeoutMs, undefined, request)
    return (await passOn(answer)).message
  })
}

function bridgedAnswers(
  parts: UnaryParts,
  method: DescMethodServerStreaming,
  transport: Transport,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) =>
    void pipe(parts, call, { method, transport, requests: oneOf(fromBinary(method.input, call.request)) })
}

function bridgedTalk(
  parts: UnaryParts,
  method: DescMethodBiDiStreaming,
  transport: Transport,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => void pipe(parts, call, { method, transport, requests: decoded(method, call) })
}

type StreamingCall =
  Parameters<handleBidiStreamingCall<Buffer, Buffer>>[0] | Parameters<handleServerStreamingCall<Buffer, Buffer>>[0]

type Stream = {
  readonly method: DescMethodServerStreaming | DescMethodBiDiStreaming
  readonly transport: Transport
  readonly requests: AsyncIterable<Message>
}

/** Runs one stream of ours in the shape that grpc-js wants. */
async function pipe(
  { visits }: UnaryParts,
  call: StreamingCall,
  { method, transport, requests }: Stream,
): Promise<void> {
  const over = new AbortController()
  call.once('cancelled', () => over.abort())
  try {
    const { message } = await transport.stream(method, over.signal, 0, undefined, requests)
    for await (const answer of message) call.write(Buffer.from(toBinary(method.output, answer)))
    call.end()
  } catch (error) {
    const visit = visits.get(call.metadata)
    if (over.signal.aborted) visit?.abandon()
    else call.emit('error', visit?.fail(refusalOf(error) ?? error) ?? error)
  }
}

async function* decoded(method: DescMethodBiDiStreaming, call: AsyncIterable<Buffer>) {
  for await (const bytes of call) yield fromBinary(method.input, bytes)
}

async function* oneOf<T>(value: T): AsyncGenerator<T> {
  yield value
}
