import { createSecureContext } from 'node:tls'
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js'
import { systemClock } from '@powernode/clock'
import { environmentOf } from '@powernode/dev/environment'
import { identityDir } from '@powernode/dev/layout'
import { configFrom } from '@powernode/federation-gateway/config'
import { run } from '@powernode/federation-gateway/service'
import { readTlsFiles } from '@powernode/identity'
import { createMetrics } from '@powernode/process'
import { refusalOf } from '@powernode/rpc'
import type { TestPlatform } from '../../mesh.ts'
import { openRoad, type Road } from '../../road.ts'
import { LOGGER } from '../own-server.ts'

const CHECK_ACCESS = '/powernode.federation.v1.FederationService/CheckAccess'

/** What a gateway said to one call; `away`: nothing. */
export type Said = 'allowed' | 'refused' | 'stale' | 'away'

/** A gateway of a platform beside the one it has, which can be killed, and cut off from what it goes by. */
export class Gateway {
  readonly #platform: TestPlatform
  readonly #peer: TestPlatform
  readonly #road: Road
  #stopping = new AbortController()
  #ended: Promise<void> = Promise.resolve()
  #client: Client | undefined

  private constructor(platform: TestPlatform, peer: TestPlatform, road: Road) {
    this.#platform = platform
    this.#peer = peer
    this.#road = road
  }

  static async start(platform: TestPlatform, peer: TestPlatform): Promise<Gateway> {
    const road = await openRoad(() => platform.platform.ports['grant-authz'])
    const gateway = new Gateway(platform, peer, road)
    await gateway.begin()
    return gateway
  }

  /** The weather on its road to grant-authz. */
  set weather(weather: Road['weather']) {
    this.#road.weather = weather
  }

  async begin(): Promise<void> {
    const { platform } = this.#platform
    const stopping = new AbortController()
    const env = environmentOf('federation-gateway', platform, { allowLoopback: true })
    const config = configFrom({
      ...env,
      FEDERATION_LISTEN: '127.0.0.1:0',
      INNER_LISTEN: '127.0.0.1:0',
      METRICS_PORT: '0',
      MAX_CALLS_PER_PEER: '1000000',
      SHUTDOWN_GRACE: '100ms',
      GRANT_AUTHZ_ADDRESS: new URL(this.#road.url).host,
    })
    const listening = Promise.withResolvers<number>()
    this.#stopping = stopping
    this.#ended = run(config, stopping.signal, {
      clock: systemClock,
      logger: LOGGER,
      metrics: createMetrics('federation-gateway'),
      onListening: ({ door }) => door !== undefined && listening.resolve(door),
    })
    this.#ended.catch(listening.reject)
    this.#client = this.#clientTo(await listening.promise)
  }

  async kill(): Promise<void> {
    this.#stopping.abort()
    this.#client?.close()
    this.#client = undefined
    await this.#ended
  }

  async stop(): Promise<void> {
    await this.kill()
    this.#road.close()
  }

  /** Asks as the peer does. */
  ask(request: Buffer, bearer: string): Promise<Said> {
    const headers = new Metadata()
    headers.set('authorization', `Bearer ${bearer}`)
    const { promise, resolve } = Promise.withResolvers<Said>()
    if (!this.#client) return Promise.resolve('away')
    const deadline = new Date(systemClock.now().getTime() + 5_000)
    this.#client.makeUnaryRequest(CHECK_ACCESS, asItIs, asItIs, request, headers, { deadline }, (error) =>
      resolve(error ? wordFor(error) : 'allowed'),
    )
    return promise
  }

  #clientTo(port: number): Client {
    const { cert, key } = readTlsFiles(identityDir(this.#peer.platform, 'federation-gateway'), systemClock.now())
    const context = createSecureContext({ cert, key, minVersion: 'TLSv1.3' })
    const credentials = ChannelCredentials.createFromSecureContext(context, { rejectUnauthorized: false })
    return new Client(`127.0.0.1:${port}`, credentials, {
      'grpc.ssl_target_name_override': this.#peer.platform.trustDomain,
      'grpc.use_local_subchannel_pool': 1,
    })
  }
}

function wordFor(error: Error): Said {
  const reason = refusalOf(error)?.reason
  if (reason === 'GRANT_INVALID') return 'refused'
  return reason === 'POLICY_STALE' ? 'stale' : 'away'
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}
