import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Db, Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import type { Errand } from '../errand.ts'
import type { Us } from '../platform.ts'
import type { Tables } from '../store/tables.ts'

export type ErrandDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly us: Us
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** The gateway's way out: the same contract, to the peer that the header names. */
  readonly federation: Client<typeof FederationService>
  /** Whose children they are that we hear of. */
  readonly spawns: Pick<Client<typeof SpawnService>, 'reportClone'>
  /** A number in [0, 1), to spread retries. */
  readonly jitter: () => number
}

/** Who said no, and why: the other side, or we ourselves, of where it would lead us or of what it answered. */
export type No = {
  readonly by: 'them' | 'us'
  readonly reason: string
  readonly message: string
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * One way of doing what is owed to the other side. Resolves when it is done and noted; throws to be tried again.
 * Runs outside any transaction, may be cut short at any point, and MUST be safe to do twice.
 */
export type Performer = {
  readonly perform: (deps: ErrandDeps, errand: Errand, signal: AbortSignal) => Promise<void>
  /** Somebody said no, and will say so again: what follows from that. */
  readonly refused: (deps: ErrandDeps, errand: Errand, no: No) => Promise<void>
  /** Nobody needs it done any more. */
  readonly expired: (deps: ErrandDeps, errand: Errand) => Promise<void>
}

export const toPeer = (errand: Errand, signal: AbortSignal) => ({
  headers: { 'powernode-peer-id': errand.peerId },
  signal,
  timeoutMs: 15_000,
})
