import type { DescService } from '@bufbuild/protobuf'
import { createClient as createConnectClient, type Client, type Transport } from '@connectrpc/connect'
import { endsWhenLeft } from './ends-when-left.ts'
import { openTransport, type TransportOptions } from './transport.ts'

/**
 * A client of one service. Give it a transport to share one session among the services of a server, or the options
 * of a transport of its own together with the signal that closes it. Leaving the loop over a stream ends the stream.
 */
export function createClient<S extends DescService>(service: S, transport: Transport): Client<S>
export function createClient<S extends DescService>(
  service: S,
  options: TransportOptions,
  signal: AbortSignal,
): Client<S>
export function createClient<S extends DescService>(
  service: S,
  way: Transport | TransportOptions,
  signal?: AbortSignal,
): Client<S> {
  if ('unary' in way) return endsWhenLeft(service, createConnectClient(service, way))
  if (!signal) throw new Error('a client with its own transport needs the signal that closes it')
  return createClient(service, openTransport(way, signal))
}
