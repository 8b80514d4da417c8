import { once } from 'node:events'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { ToldFeed } from '@powernode/feed/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { DoctorService, type DiagnoseForPeerResponseSchema } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import {
  LocalPlatformSchema,
  type LocalPlatform,
  type PeerRoute,
  type WatchPeersResponse,
} from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { mount, serve, type CallersTable, type Health, type Mount } from '@powernode/rpc'
import { everyOperator, partly } from '@powernode/rpc/testing'
import type { Platform } from './platform.ts'

/** A registry as the gateway meets it: the same service over the same wire, whose peers the test decides. */
export class TestRegistry {
  readonly peers = new Map<string, PeerRoute>()
  /** What RedeemInvitation and its like do; a test replaces what it is about. */
  answers: Partial<ServiceImpl<typeof PeerRegistryService> & ServiceImpl<typeof NoticeService>> = {}
  readonly #platform: Platform
  readonly #feed = new ToldFeed<WatchPeersResponse['update']>(() => [
    { case: 'platform', value: this.#ourselves() },
    ...[...this.peers.values()].map((value) => ({ case: 'peer' as const, value })),
  ])

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** Whether it vouches for what it told. */
  set ticking(does: boolean) {
    this.#feed.ticking = does
  }

  get watched(): boolean {
    return this.#feed.size > 0
  }

  put(...routes: PeerRoute[]): void {
    for (const route of routes) this.peers.set(route.peerId, route)
    this.#feed.tell(...routes.map((value) => ({ case: 'peer' as const, value })))
  }

  remove(peerId: string): void {
    this.peers.delete(peerId)
    this.#feed.tell({ case: 'removedPeerId', value: peerId })
  }

  mounts(): Mount[] {
    const impl = partly(PeerRegistryService, {
      watchPeers: (requests, { signal }) => this.#feed.follow(requests, signal),
      redeemInvitation: (...said) => required(this.answers.redeemInvitation)(...said),
      receiveTrustBundle: (...said) => required(this.answers.receiveTrustBundle)(...said),
      signPeerCertificate: (...said) => required(this.answers.signPeerCertificate)(...said),
      receiveRevocation: (...said) => required(this.answers.receiveRevocation)(...said),
    })
    const notices = partly(NoticeService, {
      receiveCompromise: (...said) => required(this.answers.receiveCompromise)(...said),
    })
    const authority = partly(CertificateAuthorityService, {
      watchTrust: (_request, { signal }) => nothingUntil(signal),
    })
    return [
      mount(PeerRegistryService, impl, everyMethodFor(PeerRegistryService, ['service/federation-gateway'])),
      mount(NoticeService, notices, everyMethodFor(NoticeService, ['service/federation-gateway'])),
      mount(
        CertificateAuthorityService,
        authority,
        everyMethodFor(CertificateAuthorityService, ['service/federation-gateway']),
      ),
    ]
  }

  #ourselves(): LocalPlatform {
    const roots = [this.#platform.authority.rootCertificate]
    return create(LocalPlatformSchema, { roots, trustBundleSequence: 1n, trustBundle: TEST_BUNDLE })
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
  /** Who asked for a diagnosis. */
  readonly diagnosed: string[] = []
  /** What it finds. */
  diagnosis: () => MessageInitShape<typeof DiagnoseForPeerResponseSchema> = () => ({
    checks: [{ name: 'heartbeats.theirs', section: 'heartbeats', status: 'ok', side: 'nobody' }],
  })

  mounts(): Mount[] {
    const impl = partly(LivenessService, { recordHeartbeats: (requests) => this.#record(requests) })
    const doctor = partly(DoctorService, {
      diagnoseForPeer: ({ peerId }) => {
        this.diagnosed.push(peerId)
        return this.diagnosis()
      },
    })
    return [
      mount(LivenessService, impl, everyMethodFor(LivenessService, ['service/federation-gateway'])),
      mount(DoctorService, doctor, everyMethodFor(DoctorService, ['service/federation-gateway'])),
    ]
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

export function everyMethodFor<S extends Mount['service']>(
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
  /** Where a test says how well it is. */
  readonly health?: Health
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
