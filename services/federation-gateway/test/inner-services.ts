import { once } from 'node:events'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { createLogger, createMetrics } from '@powernode/process'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import {
  PeerRegistryService,
  type WatchPeersResponseSchema,
  type PeerRoute,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { mount, serve, type CallersTable, type Mount } from '@powernode/rpc'
import { everyOperator, partly } from '@powernode/rpc/testing'
import type { Platform } from './platform.ts'

type Update = MessageInitShape<typeof WatchPeersResponseSchema>['update']

/** A registry as the gateway meets it: the same service over the same wire, whose peers the test decides. */
export class TestRegistry {
  readonly peers = new Map<string, PeerRoute>()
  /** What RedeemInvitation and its like do; a test replaces what it is about. */
  answers: Partial<ServiceImpl<typeof PeerRegistryService>> = {}
  leaseMs = 1_000
  ticking = true
  readonly #platform: Platform
  readonly #streams = new Set<(update: Update) => void>()

  constructor(platform: Platform) {
    this.#platform = platform
  }

  put(...routes: PeerRoute[]): void {
    for (const route of routes) {
      this.peers.set(route.peerId, route)
      this.#tell({ case: 'peer', value: route })
    }
  }

  remove(peerId: string): void {
    this.peers.delete(peerId)
    this.#tell({ case: 'removedPeerId', value: peerId })
  }

  get watched(): boolean {
    return this.#streams.size > 0
  }

  mounts(): Mount[] {
    const impl = partly(PeerRegistryService, {
      watchPeers: (_request, { signal }) => this.#watch(signal),
      redeemInvitation: (...said) => required(this.answers.redeemInvitation)(...said),
      receiveTrustBundle: (...said) => required(this.answers.receiveTrustBundle)(...said),
      signPeerCertificate: (...said) => required(this.answers.signPeerCertificate)(...said),
      receiveRevocation: (...said) => required(this.answers.receiveRevocation)(...said),
    })
    const authority = partly(CertificateAuthorityService, {
      watchTrust: (_request, { signal }) => nothingUntil(signal),
    })
    return [
      mount(PeerRegistryService, impl, everyMethodFor(PeerRegistryService, ['service/federation-gateway'])),
      mount(
        CertificateAuthorityService,
        authority,
        everyMethodFor(CertificateAuthorityService, ['service/federation-gateway']),
      ),
    ]
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<MessageInitShape<typeof WatchPeersResponseSchema>> {
    const queue: Update[] = []
    let wake = () => {}
    const tell = (update: Update) => {
      queue.push(update)
      wake()
    }
    this.#streams.add(tell)
    tell({
      case: 'platform',
      value: { roots: [this.#platform.authority.rootCertificate], trustBundleSequence: 1n, trustBundle: TEST_BUNDLE },
    })
    for (const route of this.peers.values()) tell({ case: 'peer', value: route })
    tell({ case: 'snapshotComplete', value: {} })
    void this.#tick(tell, signal)
    try {
      while (!signal.aborted) {
        const update = queue.shift()
        if (update) yield { update }
        else await Promise.race([new Promise<void>((resolve) => (wake = resolve)), once(signal, 'abort')])
      }
    } finally {
      this.#streams.delete(tell)
    }
  }

  async #tick(tell: (update: Update) => void, signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await systemClock.sleep(this.leaseMs / 5, signal)) {
      if (this.ticking) tell({ case: 'tick', value: { leaseMs: this.leaseMs } })
    }
  }

  #tell(update: Update): void {
    for (const tell of this.#streams) tell(update)
  }
}

export const TEST_BUNDLE = { payloadType: 'test', payload: new Uint8Array([1]), signature: new Uint8Array(64) }

/** Answers every beat with its own nonce; how many came in one message is noted. */
export class TestLiveness {
  readonly batches: number[] = []
  readonly peersHeard: string[] = []
  /** How many beats brought a description. */
  descriptions = 0
  answering = true

  mounts(): Mount[] {
    const impl = partly(LivenessService, { recordHeartbeats: (requests) => this.#record(requests) })
    return [mount(LivenessService, impl, everyMethodFor(LivenessService, ['service/federation-gateway']))]
  }

  async *#record(requests: Parameters<ServiceImpl<typeof LivenessService>['recordHeartbeats']>[0]) {
    for await (const { heartbeats } of requests) {
      this.batches.push(heartbeats.length)
      for (const { peerId, heartbeat } of heartbeats) {
        this.peersHeard.push(peerId)
        if (heartbeat?.platform) this.descriptions += 1
      }
      if (!this.answering) continue
      yield {
        heartbeats: heartbeats.map(({ number, heartbeat }) => ({
          number,
          response: {
            echoNonce: heartbeat?.nonce ?? new Uint8Array(),
            state: 'active',
            lastEpoch: heartbeat?.epoch ?? 0n,
          },
        })),
      }
    }
  }
}

function everyMethodFor<S extends Mount['service']>(
  service: S,
  callers: readonly `service/${string}`[],
): CallersTable<S> {
  return Object.fromEntries(service.methods.map(({ localName }) => [localName, callers])) as CallersTable<S> // one row a method
}

function required<T>(value: T | undefined): T {
  if (!value) throw new Error('the test does not expect this call')
  return value
}

type Inner = {
  readonly name: string
  readonly tlsDir: string
  readonly trustDomain: string
  readonly services: Mount[]
}

/** Serves on a free port until `signal` aborts; tells the port. */
export async function serveInner(inner: Inner, signal: AbortSignal) {
  const listening = Promise.withResolvers<number>()
  const ended = serve(
    {
      ...inner,
      operators: everyOperator,
      listen: { host: '127.0.0.1', port: 0 },
      clock: systemClock,
      logger: createLogger(inner.name, { level: 'silent' }),
      metrics: createMetrics(inner.name),
      onListening: listening.resolve,
    },
    signal,
  )
  ended.catch(listening.reject)
  return { port: await listening.promise, ended }
}

/** A stream on which nothing ever comes. */
async function* nothingUntil(signal: AbortSignal): AsyncGenerator<never> {
  if (!signal.aborted) await once(signal, 'abort')
  yield* []
}
