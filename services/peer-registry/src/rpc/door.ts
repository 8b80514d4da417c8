import type { Client } from '@connectrpc/connect'
import type { Gate } from '@powernode/approvals'
import type { Clock } from '@powernode/clock'
import { epochOf, type Feed } from '@powernode/feed'
import { inTransaction, rehearse, type Db, type Tx } from '@powernode/postgres'
import type { Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import type { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { PEERS, type PeerUpdate } from '../feed/peer-source.ts'
import type { TrustFeed } from '../feed/trust-feed.ts'
import type { Us } from '../platform.ts'
import type { Tables } from '../store/tables.ts'

/** What the handlers of this service stand on. */
export type RpcDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly us: Us
  readonly feed: Feed<Tables, PeerUpdate>
  readonly trust: TrustFeed
  /** What the gateway knows of the roads to peers. */
  readonly roads: Client<typeof GatewayService>
  /** In front of what may have to be approved. */
  readonly gate: Gate
}

type Verb<Result> = (tx: Tx<Tables>, now: Date) => Promise<Result>

/** Runs what only reads, on one snapshot: a peer and its errands are shown as they stood at one moment. */
export const look = <Result>({ db, clock }: RpcDeps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()), { isolation: 'repeatable read' })

export const act = <Result>({ db, clock }: RpcDeps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()))

/** As act; with `dryRun`, everything is done and nothing is kept: the answer is what would have happened. */
export const actOrRehearse = <Result>(deps: RpcDeps, dryRun: boolean, verb: Verb<Result>): Promise<Result> =>
  dryRun ? rehearse(deps.db, (tx) => verb(tx, deps.clock.now())) : act(deps, verb)

type Asked = { readonly dryRun?: boolean; readonly signal: AbortSignal }

/**
 * As actOrRehearse, for what takes something away: answers when no live gateway can still act on what was before.
 *
 * It is done when it has committed, also if whoever asked does not wait for this. A rehearsal takes nothing away.
 */
export async function enforce<Result extends object>(
  deps: RpcDeps,
  { dryRun = false, signal }: Asked,
  verb: Verb<Result>,
): Promise<Result & { enforcement?: Enforcement }> {
  let epoch: bigint | undefined
  const result = await actOrRehearse(deps, dryRun, async (tx, now) => {
    const done = await verb(tx, now)
    epoch = await epochOf(tx, PEERS)
    return done
  })
  if (dryRun || epoch === undefined) return { ...result }
  return { ...result, enforcement: await deps.feed.enforced(epoch, signal) }
}

const MOST = 1_000
const USUAL = 100

export const pageSize = (said: number): number => Math.min(MOST, said || USUAL)
