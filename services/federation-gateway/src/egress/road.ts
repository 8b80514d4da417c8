import { once } from 'node:events'
import type { SecureContext, TLSSocket } from 'node:tls'
import { isIPv6 } from 'node:net'
import { Client, connectivityState, type ClientDuplexStream, type Metadata, type ServiceError } from '@grpc/grpc-js'
import { openStream, type OpenStream } from './open-stream.ts'
import type { Clock } from '@powernode/clock'
import { observedCredentials } from './observed-credentials.ts'
import type { ServerCheck } from './server-check.ts'

/** Where a road leads, and how we make sure of who is there. */
export type Destination = {
  /** A literal address: names were resolved, and each address checked, before (never by the channel). */
  readonly address: string
  readonly port: number
  /** The name the peer gave itself, for its virtual hosts and logs. */
  readonly authority: string
  /** TLS server name: the trust domain of the certificate we show. */
  readonly serverName: string
  readonly context: SecureContext
  readonly check: ServerCheck
}

export type RoadCall = {
  readonly path: string
  readonly bytes: Buffer
  readonly metadata: Metadata
  readonly deadline: Date
  readonly signal: AbortSignal
}

/** Connecting failed; `cause` is the TLS error when it came that far. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected'
}

const KEEPALIVE_MS = 20_000
const KEEPALIVE_TIMEOUT_MS = 5_000

/**
 * One verified connection to one address of a peer, made when first needed.
 *
 * A road that failed is thrown away rather than left to mend itself: when to try again is decided in one place, by the
 * retry and the circuit breaker above, and not also by a backoff in the channel.
 */
export class Road {
  readonly #client: Client
  readonly #clock: Clock
  readonly #sockets = new Set<TLSSocket>()
  #failure: unknown

  constructor(
    { address, port, authority, serverName, context, check }: Destination,
    clock: Clock,
    maxMessageBytes: number,
  ) {
    this.#clock = clock
    const credentials = observedCredentials(context, check, {
      connected: (socket) => this.#connected(socket),
      failed: (error) => (this.#failure = error),
    })
    const target = isIPv6(address) ? `ipv6:[${address}]:${port}` : `ipv4:${address}:${port}`
    this.#client = new Client(target, credentials, {
      'grpc.ssl_target_name_override': serverName,
      'grpc.default_authority': authority,
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
    })
  }

  /**
   * Waits for a connection; throws `NotConnected` when its TLS failed, or after `withinMs`. When the network said no it
   * returns, because the call that follows fails at once and tells why, which the channel says nowhere else.
   */
  async connect(withinMs: number): Promise<void> {
    const channel = this.#client.getChannel()
    const deadline = new Date(this.#clock.now().getTime() + withinMs)
    for (let state = channel.getConnectivityState(true); state !== connectivityState.READY;) {
      if (this.#failure) throw new NotConnected('the connection failed', { cause: this.#failure })
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) return
      const seen = state
      await new Promise<void>((resolve, reject) => {
        const late = (error: Error | undefined) =>
          error ? reject(new NotConnected(`no connection within ${withinMs} ms`)) : resolve()
        channel.watchConnectivityState(seen, deadline, late)
      })
      state = channel.getConnectivityState(true)
    }
  }

  /** One unary call, of bytes. */
  call({ path, bytes, metadata, deadline, signal }: RoadCall): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const done = (error: ServiceError | null, answer?: Buffer) => {
      signal.removeEventListener('abort', cancel)
      if (error) reject(error)
      else resolve(answer ?? Buffer.alloc(0))
    }
    const call = this.#client.makeUnaryRequest(path, asItIs, asItIs, bytes, metadata, { deadline }, done)
    const cancel = () => call.cancel()
    if (signal.aborted) cancel()
    else signal.addEventListener('abort', cancel, { once: true })
    return promise
  }

  /** One stream of answers, of bytes; there once the peer has begun to answer. Its deadline is for that beginning. */
  stream({ path, bytes, metadata, deadline, signal }: RoadCall): Promise<OpenStream> {
    const call = this.#client.makeServerStreamRequest(path, asItIs, asItIs, bytes, metadata)
    return openStream(call, { clock: this.#clock, deadline, signal })
  }

  /** One stream both ways, of bytes; there once the peer has begun to answer. Only then is anything of `messages` taken. */
  async talk(
    { path, metadata, deadline, signal }: Omit<RoadCall, 'bytes'>,
    messages: AsyncIterable<Buffer>,
  ): Promise<OpenStream> {
    const call = this.#client.makeBidiStreamRequest(path, asItIs, asItIs, metadata)
    const begun = await openStream(call, { clock: this.#clock, deadline, signal })
    void sayAll(call, messages)
    return begun
  }

  /** Takes no more calls; those under way finish, and then the connection closes. */
  close(): void {
    this.#client.close()
  }

  /** Ends the connection now, with all its calls. */
  cut(): void {
    this.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #connected(socket: TLSSocket | undefined): void {
    this.#failure = undefined
    if (!socket) return
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}

/** Says what there is to say, as fast as the peer takes it. When that fails, so does the call, and its reader hears of it. */
async function sayAll(call: ClientDuplexStream<Buffer, Buffer>, messages: AsyncIterable<Buffer>): Promise<void> {
  const gone = new AbortController()
  call.once('close', () => gone.abort())
  try {
    for await (const message of messages) {
      if (gone.signal.aborted) return
      if (!call.write(message)) await once(call, 'drain', { signal: gone.signal })
    }
    call.end()
  } catch {
    call.cancel()
  }
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}
