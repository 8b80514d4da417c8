import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import type { DescService } from '@bufbuild/protobuf'
import type { CallLimits } from '../limits.ts'

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

function neverReached(): never {
  throw new Error('a method that is not served was admitted')
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}
