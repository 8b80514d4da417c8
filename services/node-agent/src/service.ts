import { systemClock, type Clock } from '@powernode/clock'
import { PayloadBroken } from '@powernode/payload'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, keepIdentity, openTransport, Refusal } from '@powernode/rpc'
import type { Config } from './config.ts'
import type { Ending } from './exit-codes.ts'
import { firstRun, type FirstRunDeps } from './first-run/first-run.ts'
import { keepCertificate } from './first-run/keep-certificate.ts'
import { JoinRefused } from './first-run/join-parent.ts'
import { progressIn } from './first-run/progress.ts'
import { keepReplica } from './replica/keep-replica.ts'
import type { Replica } from './replica.ts'

const NAME = 'node-agent'

/** What a test may hand in instead of the machine's own. */
export type Outside = { readonly clock?: Clock; readonly logger?: Logger }

/** Everything this process does. Returns how it ended, or throws when it could not go on. */
export async function run(config: Config, signal: AbortSignal, outside: Outside = {}): Promise<Ending> {
  const { clock = systemClock, logger = createLogger(NAME) } = outside
  const { identityDir: tlsDir, trustDomain, stateDir, places, metricsPort } = config
  const metrics = createMetrics(NAME)
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal])
  const way = { tlsDir, trustDomain, clock, logger }
  const roadTo = (server: string, address: Config['gatewayAddress']) =>
    openTransport({ ...way, address, server }, until)
  const grantAuthz = roadTo('grant-authz', config.grantAuthzAddress)
  const federation = createClient(FederationService, roadTo('federation-gateway', config.gatewayAddress))
  const deps = {
    registry: createClient(PeerRegistryService, roadTo('peer-registry', config.peerRegistryAddress)),
    federation,
    grants: createClient(GrantAuthzService, grantAuthz),
    approvals: createClient(ApprovalService, grantAuthz),
    replica: config.replica ? keepReplica({ ...config.replica, federation, clock, logger }) : NO_REPLICA,
    progress: progressIn(stateDir, logger),
    stateDir,
    places,
    clock,
    logger,
  }
  let ending: Ending = 'stopped'
  try {
    await runTasks(until, [
      async (stop) => {
        ending = await endingOf(live(deps, stop), deps, stop)
        over.abort()
      },
      (stop) => keepIdentity({ ...way, dir: tlsDir, address: config.peerRegistryAddress }, stop),
      ...(metricsPort === undefined ? [] : [(stop: AbortSignal) => serveMetrics(metrics, { port: metricsPort }, stop)]),
    ])
    return ending
  } finally {
    over.abort() // the roads are open until then, and whoever runs us in a process of his own would keep them
  }
}

/**
 * The first run, and what this node keeps up from then on: a replica begins as soon as it is known whom it follows, and the
 * parent's certificate is renewed in time. However it ends, nothing of it is left running.
 */
async function live(deps: FirstRunDeps, signal: AbortSignal): Promise<void> {
  const ending = new AbortController()
  const until = AbortSignal.any([signal, ending.signal])
  let keeping: Promise<void> | undefined
  const keep = (): void => {
    keeping ??= deps.replica.run(until)
    keeping.catch(() => {}) // thrown below, when the first run is over
  }
  const replica: Replica = {
    ...deps.replica,
    async take(of) {
      await deps.replica.take(of)
      keep()
    },
  }
  try {
    const summary = await firstRun({ ...deps, replica }, until)
    if (summary?.cluster_member) keep()
    await runTasks(until, [
      async () => keeping,
      ...(summary?.node_certificate ? [(stop: AbortSignal) => keepCertificate(deps, summary.peer_id, stop)] : []),
    ])
  } finally {
    ending.abort()
    await keeping?.catch(() => {})
  }
}

/** This node keeps none. */
const NO_REPLICA: Replica = {
  take: () => Promise.reject(new Refusal('REPLICATION_NOT_CONFIGURED', 'this node has no room for a replica')),
  run: () => Promise.resolve(),
}

type Said = Pick<FirstRunDeps, 'progress' | 'logger'>

/** What has to be said when it has ended for good: who must act. The platform itself goes on, federated or not. */
async function endingOf(running: Promise<unknown>, { progress, logger }: Said, signal: AbortSignal): Promise<Ending> {
  try {
    await running
    return signal.aborted ? 'stopped' : 'finished'
  } catch (error) {
    if (signal.aborted) return 'stopped'
    if (error instanceof JoinRefused) {
      progress.say(`refused for good: ${error.reason}: ${error.message}; ${error.next}`)
      logger.error({ reason: error.reason }, 'this platform stays without its parent')
      return 'refused'
    }
    if (error instanceof PayloadBroken) {
      progress.say(`${error.message}; whoever made this machine must make it anew, or hand it a whole payload`)
      logger.error({ problems: error.problems }, 'the boot payload cannot be used')
      return 'broken'
    }
    throw error
  }
}
