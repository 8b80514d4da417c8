import { Doorbell, systemClock, type Clock } from '@powernode/clock'
import { readTlsFiles } from '@powernode/identity'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { createClient, keepIdentity, openTransport } from '@powernode/rpc'
import { confirm } from './apply/confirm.ts'
import { Journal } from './apply/journal.ts'
import { Machine } from './apply/machine.ts'
import { NodeNetwork } from './apply/node-network.ts'
import { Frr } from './back-ends/frr.ts'
import { Ovn } from './back-ends/ovn.ts'
import { Vrfs } from './back-ends/vrfs.ts'
import type { NetworkConfig } from './config.ts'
import { converge } from './converge.ts'
import { failOver, Standbys } from './failover.ts'
import { keep } from './keep.ts'
import { Keys } from './keys.ts'
import { dryRun, show } from './look-only.ts'
import { Counters } from './report/counters.ts'
import { tell } from './report/tell.ts'
import { openTools, type Tools } from './tools.ts'

const NAME = 'node-agent-network'

/** What a test may hand in instead of the machine's own. */
export type Outside = {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly tools?: Tools
  readonly print?: (text: string) => void
}

/** The network of this node: everything the process does, until it is told to stop, or has shown what it was asked to show. */
export async function run(config: NetworkConfig, signal: AbortSignal, outside: Outside = {}): Promise<void> {
  const { clock = systemClock, logger = createLogger(NAME), tools = openTools(config.netns) } = outside
  const print = outside.print ?? ((text: string) => void process.stdout.write(text))
  const { identityDir: tlsDir, trustDomain, stateDir, sdwanAddress: address } = config
  const metrics = createMetrics(NAME)
  const way = { tlsDir, trustDomain, clock, logger, address, server: 'sdwan-compiler' }
  const instanceId = instanceIn(tlsDir)

  const keys = new Keys(stateDir)
  const journal = new Journal(stateDir)
  const counters = new Counters(stateDir)
  const standbys = new Standbys()
  const vrfs = new Vrfs(tools, config.vrfKind)
  const frr = new Frr(tools, config.frrPathspace)
  const ovn = new Ovn(tools, { tlsDir: config.ovnTlsDir })
  const movesOf = standbys.movesOf.bind(standbys)
  const machine = new Machine({
    vrfs,
    frr,
    ovn,
    keys,
    journal,
    movesOf,
    retireCounters: (counted) => counters.retire(counted),
  })
  const limits = { instanceId, ovnEndpoints: config.ovnEndpoints, keptPorts: config.keptPorts }
  const confirming = {
    openRoad: (stop: AbortSignal) => openTransport(way, stop),
    clock,
    withinMs: config.confirmWithinMs,
  }
  const confirmed = (version: string, stop: AbortSignal) => confirm(confirming, version, stop)
  const network = new NodeNetwork({ machine, journal, keys, limits, confirm: confirmed, clock, logger })
  const measuring = { network, machine, vrfs, frr, counters }

  if (config.mode === 'show') return show({ ...measuring, journal, limits, print })
  const over = new AbortController()
  const control = createClient(NodeNetworkService, openTransport(way, AbortSignal.any([signal, over.signal])))
  if (config.mode === 'dry-run') {
    return dryRun({ control, limits, tools, vrfs, frr, print }, signal).finally(() => over.abort())
  }

  await network.recover()
  const bell = new Doorbell()
  const shared = { ...measuring, keys, control, clock, logger, tell: () => bell.ring() }
  const taken = metrics.counter('fed_network_versions_total', 'versions of the network that were tried, by what became of them', ['outcome']) // prettier-ignore
  const drifted = metrics.counter('fed_network_drift_total', 'parts of the network found other than confirmed', ['back_end']) // prettier-ignore
  const moved = metrics.counter('fed_network_failovers_total', 'times that prefixes went to another peer of a tunnel')
  const { metricsPort, peerRegistryAddress } = config
  await runTasks(signal, [
    (stop) => converge({ ...shared, taken, settledAfterMs: config.settledAfterMs }, stop),
    (stop) => tell({ ...shared, bell, everyMs: config.reportEveryMs }, stop),
    (stop) => keep({ ...shared, drifted, everyMs: config.lookEveryMs }, stop),
    (stop) => failOver({ ...shared, standbys, moved, afterMs: config.failoverAfterMs }, stop),
    ...(peerRegistryAddress === undefined ? [] : [(stop: AbortSignal) => keepIdentity({ ...way, dir: tlsDir, address: peerRegistryAddress }, stop)]), // prettier-ignore
    ...(metricsPort === undefined ? [] : [(stop: AbortSignal) => serveMetrics(metrics, { port: metricsPort }, stop)]),
  ])
}

/** The node that we are, as our certificate says; what is sent for another is refused. */
function instanceIn(tlsDir: string): string {
  const { spiffeId } = readTlsFiles(tlsDir)
  if (spiffeId.kind !== 'instance')
    throw new Error(`the certificate in ${tlsDir} is not one of a node (instance/<uuid>)`)
  return spiffeId.name
}
