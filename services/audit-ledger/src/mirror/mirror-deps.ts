import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Db, Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { LedgerKeys } from '../ledger-keys.ts'
import type { PeerTurns } from '../rpc/peer-turns.ts'
import type { CheckpointBells } from '../signing/checkpoint-bells.ts'
import type { Tables } from '../store/tables.ts'

/** What is asked of the gateway: to carry entries to a peer's mirror, and back from it. */
export type Border = Pick<Client<typeof FederationService>, 'addEntries' | 'readMirror'>

export type MirrorDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly border: Border
  readonly bells: CheckpointBells
  /** What peers ask of us, they ask in turns. */
  readonly turns: PeerTurns
  readonly keys: Pick<LedgerKeys, 'verifierOf'>
  /** For how long a log waits for its peer's word after the database was started anew. */
  readonly doubtMs: number
  /** How often our log about a peer is compared with the peer's about us. */
  readonly reconcileEveryMs: number
}

/** How a call for one peer goes out. */
export const asTo = (peerId: string, signal: AbortSignal) => ({
  headers: { 'powernode-peer-id': peerId },
  signal,
  timeoutMs: 10_000,
})
