import { systemClock, type Clock } from '@powernode/clock'
import { createGate, runApproved } from '@powernode/approvals'
import { Feed } from '@powernode/feed'
import { consume, openBus, relay, sweepReceipts } from '@powernode/events'
import { followOperators } from '@powernode/operators'
import { inTransaction, Listener, newId, openDb, requireSchema } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { AcceptanceService } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { createClient, keepIdentity, mount, openTransport, serve } from '@powernode/rpc'
import { openVitals } from '@powernode/vitals'
import { driveAcceptances } from './acceptance/drive-acceptances.ts'
import { heedAlarms } from './alarms/heed-alarms.ts'
import { executorsOf } from './approvals/executors.ts'
import { forgetHeld } from './approvals/forget-held.ts'
import type { Config } from './config.ts'
import { runErrands } from './errands/run-errands.ts'
import { peerSource, PEERS } from './feed/peer-source.ts'
import { TrustFeed } from './feed/trust-feed.ts'
import { jitter } from './jitter.ts'
import { measure } from './metrics/measure.ts'
import { nameVersion } from './operations/name-version.ts'
import { recordContract } from './operations/record-contract.ts'
import { resealSecrets } from './operations/reseal-secrets.ts'
import { ACCEPTANCE_CALLERS, acceptanceHandlers } from './rpc/acceptance.ts'
import { AUTHORITY_CALLERS, PEER_CALLERS, VERSION_CALLERS } from './rpc/callers.ts'
import { authorityHandlers } from './rpc/authority.ts'
import { borderHandlers } from './rpc/border.ts'
import { invitationHandlers } from './rpc/invitations.ts'
import { NOTICE_CALLERS, noticeHandlers } from './rpc/notices.ts'
import { peerHandlers } from './rpc/peers.ts'
import { relationshipHandlers } from './rpc/relationship.ts'
import { redeemingHandlers } from './rpc/redeeming.ts'
import { spawningHandlers } from './rpc/spawning.ts'
import { versionHandlers } from './rpc/versions.ts'
import * as platform from './store/platform.ts'
import type { Tables } from './store/tables.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { keepVersion, sweep, SWEEPS, takeBackVersion } from './sweeps.ts'
import { openSealingKey, usFrom } from './us.ts'

const NAME = 'peer-registry'
export const SCHEMA = 'peer_registry'
export const MIGRATIONS = new URL('../migrations', import.meta.url)

/** What a test may hand in instead of the machine's own. */
export type Outside = {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly onListening?: (port: number) => void
}

/** Everything this process does, in one list. Returns when told to stop, or throws when one part fails. */
export async function run(config: Config, signal: AbortSignal, outside: Outside = {}): Promise<void> {
  const { clock = systemClock, logger = createLogger(NAME), onListening } = outside
  const metrics = createMetrics(NAME)
  const { identityDir: tlsDir, trustDomain } = config
  const database = { url: config.databaseUrl.reveal(), schema: SCHEMA, applicationName: NAME }
  const db = openDb<Tables>(database)
  const listener = new Listener({ ...database, clock, logger })
  const bus = await openBus({ servers: config.natsUrl, tlsDir, name: NAME, clock, logger })
  const told = { processId: newId(clock.now()), version: config.self.disclosure.platformVersion }
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    await inTransaction(db, recordContract)
    const sealing = openSealingKey(config.sealingKey)
    const resealed = await inTransaction(db, (tx) => resealSecrets(tx, sealing))
    if (resealed > 0) logger.info({ count: resealed }, 'secrets are sealed under the new key; the previous one can go')
    const version = await inTransaction(db, (tx) => nameVersion(tx, clock.now(), told))
    if (told.version === '')
      logger.warn({ state: version || 'none' }, 'DISCLOSURE_PLATFORM_VERSION is not set: we stay of this version')
    const us = usFrom(config, await inTransaction(db, platform.read), sealing)
    const gateway = { address: config.gatewayAddress, server: 'federation-gateway', trustDomain, tlsDir, clock, logger }
    const outward = openTransport(gateway, signal)
    const federation = createClient(FederationService, outward)
    const roads = createClient(GatewayService, outward)
    const authz = { address: config.grantAuthzAddress, server: 'grant-authz', trustDomain, tlsDir, clock, logger }
    const toAuthz = openTransport(authz, signal)
    const grants = createClient(GrantAuthzService, toAuthz)
    const approvals = createClient(ApprovalService, toAuthz)
    const ledger = { address: config.auditLedgerAddress, server: 'audit-ledger', trustDomain, tlsDir, clock, logger }
    const alarms = createClient(AuditLedgerService, ledger, signal)
    const road = { address: config.grantAuthzAddress, trustDomain, tlsDir, clock, logger }
    const spawning = {
      address: config.spawnProvisionerAddress,
      server: 'spawn-provisioner',
      trustDomain,
      tlsDir,
      clock,
      logger,
    }
    const spawns = createClient(SpawnService, spawning, signal)
    const network = createClient(
      SdwanService,
      { ...road, address: config.sdwanCompilerAddress, server: 'sdwan-compiler' },
      signal,
    )
    const liveness = { ...road, address: config.livenessAddress, server: 'liveness' }
    const governance = createClient(GovernanceService, liveness, signal)
    const operators = followOperators({ ...road, reader: NAME, metrics }, signal)
    const source = peerSource({ us, logger })
    const feed = new Feed({
      db,
      listener,
      schema: SCHEMA,
      clock,
      logger,
      metrics,
      feed: PEERS,
      source,
      leaseMs: config.feedLeaseMs,
    })
    const trust = new TrustFeed({ db, listener, clock, logger })
    const gate = createGate({ approvals, directory: operators })
    const deps = {
      db,
      listener,
      bus,
      us,
      clock,
      logger,
      metrics,
      feed,
      trust,
      federation,
      roads,
      grants,
      spawns,
      gate,
      jitter,
    }
    const vitals = openVitals({
      name: NAME,
      clock,
      tlsDir,
      database: { db, schema: SCHEMA, migrations: MIGRATIONS, sealing },
      news: { bus, stream: 'PEER_REGISTRY', subscriptions: SUBSCRIPTIONS },
    })
    const approving = { ...deps, owner: `service/${NAME}`, client: approvals, directory: operators }
    const services = [
      mount(
        PeerRegistryService,
        {
          ...peerHandlers(deps),
          ...invitationHandlers(deps),
          ...borderHandlers(deps),
          ...relationshipHandlers(deps),
          ...spawningHandlers(deps),
          ...redeemingHandlers(deps),
        },
        PEER_CALLERS,
      ),
      mount(AcceptanceService, acceptanceHandlers(deps), ACCEPTANCE_CALLERS),
      mount(CertificateAuthorityService, authorityHandlers(deps), AUTHORITY_CALLERS),
      mount(NoticeService, noticeHandlers(deps), NOTICE_CALLERS),
      mount(VersionService, versionHandlers(deps), VERSION_CALLERS),
      vitals.mount,
    ]
    let listeningOn = config.listen
    const listening = Promise.withResolvers<void>()
    const onPort = (port: number) => {
      listeningOn = { ...config.listen, port }
      listening.resolve()
      onListening?.(port)
    }
    const door = { name: NAME, listen: config.listen, tlsDir, trustDomain, services, operators, clock, logger, metrics }
    await runTasks(signal, [
      (stop) => serve({ ...door, onListening: onPort }, stop),
      (stop) => operators.run(stop),
      (stop) => feed.run(stop),
      (stop) => trust.run(stop),
      (stop) => relay({ ...deps, schema: SCHEMA, stream: 'PEER_REGISTRY' }, stop),
      ...SUBSCRIPTIONS.map((row) => (stop: AbortSignal) => consume(deps, row, stop)),
      (stop) => sweepReceipts(deps, stop),
      (stop) => runErrands(deps, stop),
      (stop) => driveAcceptances({ ...deps, network, governance }, stop),
      (stop) => heedAlarms({ ...deps, alarms, policy: config.forkPolicy }, stop),
      (stop) => runApproved({ ...approving, executors: executorsOf(deps) }, stop),
      (stop) => forgetHeld({ ...deps, approvals }, stop),
      ...Object.entries(SWEEPS).map(
        ([name, row]) =>
          (stop: AbortSignal) =>
            sweep(deps, name, row, stop),
      ),
      (stop) => keepVersion({ ...deps, told }, stop),
      (stop) => measure(deps, stop),
      (stop) => serveMetrics(metrics, { port: config.metricsPort }, stop),
      async (stop) => {
        await listening.promise
        const address = { host: loopbackOf(listeningOn.host), port: listeningOn.port }
        await keepIdentity({ dir: tlsDir, address, trustDomain, clock, logger, onRenewal: vitals.onRenewal }, stop)
      },
    ])
  } finally {
    await takeBackVersion({ db, clock, logger }, told)
    await bus.close()
    await db.destroy()
  }
}

/** Our own server, as reached from inside: a wildcard address is no address to call. */
const loopbackOf = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host)
