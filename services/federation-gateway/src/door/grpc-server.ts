import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import {
  Server,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { DescService } from '@bufbuild/protobuf'
import type { CallLimits } from '../limits.ts'
import { isPlain } from './grpc-wire.ts'
import type { Answerer } from './unary-call.ts'
import type { BytesHandler } from './unary.ts'

/**
 * What attends to the calls of one connection: to those with one message and one answer itself, to all others as an
 * interceptor of grpc-js.
 */
export type Attend = ServerInterceptor & {
  readonly unary: (answerer: Answerer, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void
}

/** A service with its handlers, which take and give bytes. */
export type Served = { readonly service: DescService; readonly handlers: UntypedServiceImplementation }

const KEEPALIVE_MS = 30_000
const KEEPALIVE_TIMEOUT_MS = 10_000
/** A peer beats once a minute; whoever says nothing for so long has gone. */
const IDLE_MS = 10 * 60_000

/** What Node itself allows a connection; grpc-js would lift the limit. */
const SESSION_MEMORY_MB = 10

export type ServerLimits = Pick<CallLimits, 'messageBytes' | 'streamsPerConnection'>

/** The gRPC server behind the door. It has no port: connections are handed to it one by one (sessions.ts). */
export function createGrpcServer(served: readonly Served[], limits: ServerLimits): Server {
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytes,
    'grpc.max_concurrent_streams': limits.streamsPerConnection,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_connection_idle_ms': IDLE_MS,
    'grpc-node.max_session_memory': SESSION_MEMORY_MB,
    'grpc.enable_channelz': 0,
  })
  for (const { service, handlers } of served) server.addService(bytesDefinition(service), handlers)
  answerUnknownMethods(server)
  attendToPlainCalls(server, served)
  return server
}

/** Every path that is served. */
export function pathsOf(served: readonly Served[]): Set<string> {
  return new Set(served.flatMap(({ service }) => service.methods.map(({ name }) => `/${service.typeName}/${name}`)))
}

/** Those of them to which a caller may send more than one message. */
export function talksOf(served: readonly Served[]): Set<string> {
  return new Set(
    served.flatMap(({ service }) =>
      service.methods.flatMap(({ name, methodKind }) =>
        methodKind === 'bidi_streaming' || methodKind === 'client_streaming' ? [`/${service.typeName}/${name}`] : [],
      ),
    ),
  )
}

/** A service as grpc-js wants it described, with bytes for messages: decoding is ours, so that refusing is, too. */
export function bytesDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map(({ name, localName, methodKind }) => [
      localName,
      {
        path: `/${service.typeName}/${name}`,
        requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
        responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      },
    ]),
  )
}

/**
 * Lets calls to methods that do not exist pass the interceptors as well, where they are refused with a reason, logged
 * and counted. grpc-js looks handlers up in this one (private) place; without a handler it answers on its own.
 */
function answerUnknownMethods(server: Server): void {
  const known: (path: string) => unknown = server['_retrieveHandler'].bind(server)
  server['_retrieveHandler'] = (path: string) =>
    known(path) ?? { type: 'unary', path, func: neverReached, serialize: asItIs, deserialize: asItIs }
}

/**
 * Takes plain calls out before grpc-js makes its objects of them. The first (and only) interceptor of a connection is ours:
 * it knows whose calls these are (sessions.ts). grpc-js still counts them, so that a connection that is used is not idle.
 */
function attendToPlainCalls(server: Server, served: readonly Served[]): void {
  const answerers = answerersOf(served)
  const others: (attend: Attend[], stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void =
    server['_streamHandler'].bind(server)
  const opened: (stream: ServerHttp2Stream) => void = server['onStreamOpened'].bind(server)
  server['_streamHandler'] = (attending: Attend[], stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const answerer = answerers.get(String(headers[constants.HTTP2_HEADER_PATH]))
    const [attend] = attending
    if (!answerer || !attend || !isPlain(headers)) return others(attending, stream, headers)
    opened(stream)
    attend.unary(answerer, stream, headers)
  }
}

function answerersOf(served: readonly Served[]): Map<string, Answerer> {
  return new Map(
    served.flatMap(({ service, handlers }) =>
      service.methods.flatMap(({ name, localName }): [string, Answerer][] => {
        const rpc = `${service.typeName}/${name}`
        const handler = handlers[localName]
        return handler && isOfBytes(handler) ? [[`/${rpc}`, { rpc, path: `/${rpc}`, respond: handler.respond }]] : []
      }),
    ),
  )
}

function isOfBytes(handler: UntypedServiceImplementation[string]): handler is BytesHandler {
  return 'respond' in handler
}

function neverReached(): never {
  throw new Error('a method that is not served was admitted')
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}
