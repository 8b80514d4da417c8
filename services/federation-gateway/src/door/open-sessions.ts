import type { Clock } from '@powernode/clock'
import type { Logger, Metrics } from '@powernode/process'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { rateLimit, type Health } from '@powernode/rpc'
import type { Config } from '../config.ts'
import type { Decider } from '../decisions/decider.ts'
import type { Outbound } from '../egress/outbound.ts'
import type { Neighbours } from '../neighbours.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import type { Arrivals } from './arrivals.ts'
import { attendance } from './attend.ts'
import { doorMetrics } from './door-metrics.ts'
import { descriptionLimit } from './description-limit.ts'
import { federationHandlers } from './federation.ts'
import { createGrpcServer, pathsOf, talksOf } from './grpc-server.ts'
import type { Heartbeats } from './heartbeats.ts'
import { machineServices } from './machine-services.ts'
import { Sessions } from './sessions.ts'
import type { Turns } from './turns.ts'
import { createRecorder, visits } from './visit.ts'
import type { Watches } from './watches.ts'

export type SessionDeps = {
  readonly config: Config
  readonly table: PeerTable
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly neighbours: Neighbours
  readonly heartbeats: Heartbeats
  readonly decider: Decider
  readonly watches: Watches
  readonly arrivals: Arrivals
  readonly turns: Turns
  readonly outbound: Outbound
  readonly health: Health
}

/** What stands behind the door: two gRPC servers with the same services, one for callers we know and a narrower one for strangers. */
export function openSessions(deps: SessionDeps): Sessions {
  const { config, table, clock, logger, metrics, health, neighbours, arrivals, turns } = deps
  const limits = config.calls
  const parts = { visits, clock, limits }
  const handlers = federationHandlers({
    ...deps,
    ...parts,
    ...neighbours,
    acceptsPerToken: rateLimit(limits.acceptsPerToken, 60),
    descriptions: descriptionLimit(logger),
    diagnosesPerPeer: rateLimit(1, DIAGNOSIS_SECONDS),
  })
  const served = [{ service: FederationService, handlers }, ...machineServices(parts, health, [FederationService])]
  const paths = pathsOf(served)
  const talks = talksOf(served)
  return new Sessions({
    servers: {
      callers: createGrpcServer(served, limits),
      strangers: createGrpcServer(served, { ...limits, streamsPerConnection: STRANGER_STREAMS }),
    },
    attend: attendance({
      table,
      clock,
      record: createRecorder({ logger, metrics }),
      visits,
      isServed: (path) => paths.has(path),
      isTalk: (path) => talks.has(path),
      arrivals,
      turns,
      calls: limits,
      limits: {
        callsPerPeer: rateLimit(limits.callsPerPeer, 1),
        ledgerCallsPerPeer: rateLimit(LEDGER_CALLS, 1),
        acceptsPerSource: rateLimit(limits.acceptsPerSource, 60),
      },
    }),
    table,
    doubt: (visitor) => deps.watches.doubt(visitor),
    ownDomain: config.trustDomain,
    limits: config.door,
    clock,
    metrics: doorMetrics(metrics),
  })
}

/** The contract says so: once in ten seconds. */
const DIAGNOSIS_SECONDS = 10

/** A busy log has 40 checkpoints a second, and 10,000 entries a second are shipped in 40 messages. */
const LEDGER_CALLS = 200

/** Calls at a time on a stranger's connection: it has come to redeem one invitation. */
const STRANGER_STREAMS = 4
