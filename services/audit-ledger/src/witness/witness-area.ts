import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Db, Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Policy } from '@powernode/tlog'
import type { HttpRoute } from '../http/route.ts'
import type { LedgerKeys } from '../ledger-keys.ts'
import { alarmHandlers } from '../rpc/alarms.ts'
import type { PeerTurns } from '../rpc/peer-turns.ts'
import { witnessHandlers } from '../rpc/witness.ts'
import type { Tables } from '../store/tables.ts'
import { courierMetrics } from './courier-metrics.ts'
import { runCourier } from './courier.ts'
import { endorsementOf } from './endorsement.ts'
import { witnessRoutes } from './http-routes.ts'
import { knownPeers, type KnownPeers } from './known-peers.ts'
import { measureQuorum } from './measure-quorum.ts'

export type WitnessAreaDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly trustDomain: string
  readonly keys: LedgerKeys
  readonly registry: Client<typeof PeerRegistryService>
  readonly federation: Client<typeof FederationService>
  readonly policy: Policy | undefined
  readonly turns: PeerTurns
  readonly onLost: (peerId: string) => void
}

/** Everything by which both sides of a peering watch each other's logs. */
export function openWitnessArea(deps: WitnessAreaDeps): {
  readonly peers: KnownPeers
  readonly handlers: ReturnType<typeof witnessHandlers> & ReturnType<typeof alarmHandlers>
  readonly routes: readonly HttpRoute[]
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
} {
  const peers = knownPeers({ ...deps, reader: 'audit-ledger' })
  const endorsement = endorsementOf(deps)
  const parts = { ...deps, peers, endorsement, metrics: courierMetrics(deps.metrics) }
  return {
    peers,
    handlers: { ...witnessHandlers(parts), ...alarmHandlers(deps) },
    routes: witnessRoutes(deps),
    tasks: [
      (stop) => peers.follow(stop),
      (stop) => endorsement.obtain(stop),
      (stop) => runCourier(parts, stop),
      (stop) => measureQuorum(deps, stop),
    ],
  }
}
