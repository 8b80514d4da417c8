import { createHash, randomInt, X509Certificate } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { createCsr, pemToDer, readTlsFiles, tlsContentOf, writeTlsFiles } from '@powernode/identity'
import type { Settings } from '@powernode/dev/environment'
import { identityDir } from '@powernode/dev/layout'
import { startPlatform, type Platform } from '@powernode/dev/platform'
import { removePostgres } from '@powernode/dev/postgres'
import type { ServiceName } from '@powernode/dev/services'
import { createLogger } from '@powernode/process'
import { AcceptanceService } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { AuditLedgerService, type VerifyLogResponse } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { CertificateAuthorityService, CertificateKind } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { GrantAuthzService, type Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { LivenessService, type Freshness } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { OperatorService } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { createClient, keepIdentity, openTransport } from '@powernode/rpc'
import { platformDir } from './directories.ts'
import { looks, PATIENCE_MS } from './eventually.ts'
import { startInProcess } from './in-process.ts'
import { mayFail } from './kept-logs.ts'

const CACHE = fileURLToPath(new URL('../.cache', import.meta.url))
const QUIET = createLogger('test', { level: 'silent' })

/**
 * Beats fast enough to watch a peer fall silent and come back inside a test, and no faster: a beat has as long as an interval,
 * and on a busy machine one of half a second often came too late.
 */
export const BRISK = { HEARTBEAT_INTERVAL: '1s', STALE_AFTER: '4s' }
/**
 * For stories that are not about silence: however busy the machine is, nobody falls silent in them, and a beat, which may take
 * as long as an interval, gets through.
 */
export const PATIENT = { HEARTBEAT_INTERVAL: '5s', STALE_AFTER: '5m' }
/** Silence is looked into as often as goes with that. Three ticks missed are a stall, in which nobody is held to be silent: a busy machine misses three of a second often. */
const BRISK_TICKS = { TICK_INTERVAL: '2s' }

export type MeshOptions = {
  /** Environment of peer-registry that differs from a laptop's. */
  readonly registry?: Readonly<Record<string, string>>
  readonly env?: NonNullable<Settings['env']>
  /** Each service as a process of its own, to be killed. */
  readonly processes?: boolean
  /** A Postgres that answers only for what is on disk: for those who measure. */
  readonly throughToDisk?: boolean
}

type Environments = Partial<Record<ServiceName, Readonly<Record<string, string>>>>

/** One whole platform with its operator's clients: Postgres, NATS and every service, real, on free ports. */
export class TestPlatform {
  readonly platform: Platform
  readonly peers: Client<typeof PeerRegistryService>
  readonly authority: Client<typeof CertificateAuthorityService>
  readonly liveness: Client<typeof LivenessService>
  readonly ledger: Client<typeof AuditLedgerService>
  readonly grants: Client<typeof GrantAuthzService>
  readonly operators: Client<typeof OperatorService>
  readonly approvals: Client<typeof ApprovalService>
  readonly spawning: Client<typeof SpawnService>
  readonly network: Client<typeof SdwanService>
  readonly #stopping: AbortController
  readonly #failsNoMore: () => void
  /** What the next starts of its services are given beside what the first were. */
  readonly #changed: Environments

  private constructor(platform: Platform, changed: Environments, stopping: AbortController) {
    this.platform = platform
    this.#changed = changed
    this.#stopping = stopping
    this.#failsNoMore = mayFail(platform.dir)
    const address = { host: '127.0.0.1', port: platform.ports['peer-registry'] }
    const way = { dir: identityDir(platform, 'admin'), address, trustDomain: platform.trustDomain }
    void keepIdentity({ ...way, clock: systemClock, logger: QUIET }, stopping.signal)
    const registry = this.transport('peer-registry')
    this.peers = createClient(PeerRegistryService, registry)
    this.authority = createClient(CertificateAuthorityService, registry)
    this.liveness = createClient(LivenessService, this.transport('liveness'))
    this.ledger = createClient(AuditLedgerService, this.transport('audit-ledger'))
    this.grants = createClient(GrantAuthzService, this.transport('grant-authz'))
    this.operators = createClient(OperatorService, this.transport('grant-authz'))
    this.approvals = createClient(ApprovalService, this.transport('grant-authz'))
    this.spawning = createClient(SpawnService, this.transport('spawn-provisioner'))
    this.network = createClient(SdwanService, this.transport('sdwan-compiler'))
  }

  static async start(name: string, options: MeshOptions = {}): Promise<TestPlatform> {
    return TestPlatform.startIn(await platformDir(name), name, options)
  }

  /** As start, in a directory that may hold a platform already. */
  static async startIn(dir: string, name: string, options: MeshOptions = {}): Promise<TestPlatform> {
    const stopping = new AbortController()
    const env = {
      ...options.env,
      liveness: { ...BRISK_TICKS, ...options.env?.liveness },
      'peer-registry': { ...BRISK, ...options.env?.['peer-registry'], ...options.registry },
    }
    const changed: Environments = {}
    const inProcess: typeof startInProcess = (service, layout, settings) => {
      const now = { ...settings.env?.[service], ...changed[service] }
      return startInProcess(service, layout, { ...settings, env: { ...settings.env, [service]: now } })
    }
    const platform = await startPlatform(
      {
        dir,
        name,
        trustDomain: `${name}.example`,
        settings: { allowLoopback: true, env },
        fast: options.throughToDisk !== true,
        cacheDir: CACHE,
        startTimeoutMs: 400_000,
        ...(options.processes !== true && { startService: inProcess }),
      },
      stopping.signal,
    )
    return new TestPlatform(platform, changed, stopping)
  }

  /** Starts one service again, in this process, with an environment that differs in this. */
  async restart(service: ServiceName, env: Readonly<Record<string, string>>): Promise<void> {
    this.#changed[service] = { ...this.#changed[service], ...env }
    await this.platform.parts[service].pause()
    await this.platform.parts[service].resume()
  }

  /** The road to one service, with the operator's certificate or that of `as`. */
  transport(server: ServiceName, as: ServiceName | 'admin' = 'admin') {
    return this.#road(server, identityDir(this.platform, as))
  }

  /** Another operator, with these roles and a certificate of its own; and how it sees the platform. */
  async operator(name: string, roles: readonly string[], said: { readonly kind?: 'person' | 'agent' } = {}) {
    const tlsDir = join(this.platform.dir, `operator-${name}`)
    const { csrDer, privateKeyPkcs8Der } = await createCsr()
    const { chain } = await this.authority.issueCertificate({ kind: CertificateKind.OPERATOR, name, csrDer })
    const { rootsPem } = await this.authority.getAuthority({})
    writeTlsFiles(tlsDir, tlsContentOf({ chain, privateKeyPkcs8Der, roots: pemToDer(rootsPem, 'CERTIFICATE') }))
    await this.operators.setOperator({ operator: { name, roles: [...roles], ...said } })
    const registry = this.#road('peer-registry', tlsDir)
    const { raw } = new X509Certificate(readTlsFiles(tlsDir).cert)
    return {
      certificateSha256: createHash('sha256').update(raw).digest(),
      peers: createClient(PeerRegistryService, registry),
      authority: createClient(CertificateAuthorityService, registry),
      acceptance: createClient(AcceptanceService, registry),
      liveness: createClient(LivenessService, this.#road('liveness', tlsDir)),
      ledger: createClient(AuditLedgerService, this.#road('audit-ledger', tlsDir)),
      grants: createClient(GrantAuthzService, this.#road('grant-authz', tlsDir)),
      operators: createClient(OperatorService, this.#road('grant-authz', tlsDir)),
      approvals: createClient(ApprovalService, this.#road('grant-authz', tlsDir)),
      gateway: createClient(GatewayService, this.#road('federation-gateway', tlsDir)),
    }
  }

  #road(server: ServiceName, tlsDir: string) {
    const { platform } = this
    const address = { host: '127.0.0.1', port: platform.ports[server] }
    const { trustDomain } = platform
    return openTransport(
      { address, server, trustDomain, tlsDir, clock: systemClock, logger: QUIET, deadlineMs: 30_000 },
      this.#stopping.signal,
    )
  }

  /** A peer by its id, once `met` says yes. Waits on a state, however long a busy machine or a service that is away takes. */
  async until(peerId: string, met: (peer: Peer) => boolean, timeoutMs = PATIENCE_MS): Promise<Peer> {
    let last: Peer | undefined
    for await (const _ of looks(timeoutMs)) {
      last = (await this.peers.getPeer({ peer: peerId }).catch(() => undefined))?.peer ?? last
      if (last && met(last)) return last
    }
    throw new Error(
      `peer ${peerId} is ${last && stateWord(last.state)}: ${last?.reason}; ${last?.openItems.join('; ')}`,
    )
  }

  untilState(peerId: string, ...states: PeerState[]): Promise<Peer> {
    return this.until(peerId, ({ state }) => states.includes(state))
  }

  /** The actions in the log of one peer, once `last` is among them. */
  async ledgerOf(peerId: string, last: string): Promise<string[]> {
    let actions: string[] = []
    for await (const _ of looks()) {
      const listed = await this.ledger.listEntries({ log: peerId, limit: 5_000 }).catch(() => undefined)
      actions = listed?.entries.map(({ action }) => action) ?? []
      if (actions.includes(last)) return actions
    }
    throw new Error(`the log of ${peerId} holds ${actions.join(', ')}, not ${last}`)
  }

  /** What the ledger says of a log that it has looked through from its first entry to its last. */
  async verified(log: string): Promise<VerifyLogResponse | undefined> {
    let last: VerifyLogResponse | undefined
    for await (const said of this.ledger.verifyLog({ log })) last = said
    return last
  }

  /** How fresh a peer is, once `met` says yes. */
  async untilFreshness(peerId: string, met: (freshness: Freshness) => boolean): Promise<Freshness> {
    let last: Freshness | undefined
    for await (const _ of looks()) {
      last = (await this.liveness.listFreshness({ peerIds: [peerId] })).freshness[0]
      if (last && met(last)) return last
    }
    throw new Error(`peer ${peerId}: epoch ${last?.epoch}, hearing ${last?.hearing}, ${last?.lastError}`)
  }

  /** What a peer was granted, once there is something. */
  async untilGranted(peerId: string): Promise<Grant[]> {
    for await (const _ of looks()) {
      const { grants } = await this.grants.listGrants({ peerId })
      if (grants.length > 0) return grants
    }
    throw new Error(`peer ${peerId} was granted nothing`)
  }

  /** Ends the platform, and with it its directory unless it is to be started again. */
  async stop({ keep = false } = {}): Promise<void> {
    this.#failsNoMore()
    await this.platform.stop()
    this.#stopping.abort()
    if (keep || process.env['KEEP_MESH']) return
    removePostgres(join(this.platform.dir, 'postgres'))
    rmSync(this.platform.dir, { recursive: true, force: true })
  }
}

/** Two platforms that can reach each other, and know nothing of each other. */
export async function twoPlatforms(options: { a?: MeshOptions; b?: MeshOptions } = {}) {
  const [a, b] = await Promise.all([TestPlatform.start('a', options.a), TestPlatform.start('b', options.b)])
  return { a, b, stop: () => Promise.all([a.stop(), b.stop()]) }
}

export type Handed = { readonly onA: string; readonly invitation: string; readonly token: string }

/** A proposes a peer and makes an invitation for it. */
export async function invite(
  a: TestPlatform,
  said: Parameters<TestPlatform['peers']['proposePeer']>[0] = {},
): Promise<Handed> {
  const { peer, invitation } = await a.peers.proposePeer({ name: `peer-${randomInt(1e9)}`, ...said })
  if (!peer || !invitation) throw new Error('a proposal without a peer or an invitation')
  return { onA: peer.id, invitation: invitation.text, token: invitation.acceptanceToken }
}

/** From nothing to active on both sides. */
export async function federate(
  a: TestPlatform,
  b: TestPlatform,
  said: {
    propose?: Parameters<typeof invite>[1]
    accept?: Parameters<TestPlatform['peers']['acceptInvitation']>[0]
  } = {},
): Promise<{ onA: string; onB: string; ms: number }> {
  const { onA, invitation } = await invite(a, said.propose)
  const begun = performance.now()
  const { peer } = await b.peers.acceptInvitation({ ...said.accept, invitation })
  if (!peer) throw new Error('an accept without a peer')
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(peer.id, PeerState.ACTIVE)])
  return { onA, onB: peer.id, ms: performance.now() - begun }
}

export const dateOf = (at: Parameters<typeof timestampDate>[0] | undefined): Date | undefined => at && timestampDate(at)

/** The word of a state, as operators read it. */
export const stateWord = (state: PeerState): string =>
  Object.entries(PeerState)
    .find(([, number]) => number === state)?.[0]
    .toLowerCase() ?? `${state}`
