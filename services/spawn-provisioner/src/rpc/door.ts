import { inTransaction, rehearse } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { SagaDeps } from '../saga/performer.ts'
import type { Attendants } from '../saga/attend-children.ts'
import type { SpawnTx } from '../store/tables.ts'
import type { ChildNews } from '../watch/child-news.ts'
import type { ListPolicies } from './boot.ts'

/** What the handlers of this service stand on. */
export type RpcDeps = SagaDeps & {
  readonly attendants: Attendants
  readonly news: ChildNews
  /** What a managed child takes over of us. */
  readonly policies: ListPolicies
}

type Verb<Result> = (tx: SpawnTx, now: Date) => Promise<Result>

/** Runs what only reads, on one snapshot: a child and its steps are shown as they stood at one moment. */
export const look = <Result>({ db, clock }: SagaDeps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()), { isolation: 'repeatable read' })

export const act = <Result>({ db, clock }: SagaDeps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()))

/** As act; with `dryRun`, everything is done and nothing is kept: the answer is what would have happened. */
export const actOrRehearse = <Result>(deps: SagaDeps, dryRun: boolean, verb: Verb<Result>): Promise<Result> =>
  dryRun ? rehearse(deps.db, (tx) => verb(tx, deps.clock.now())) : act(deps, verb)

const MOST = 1_000
const USUAL = 100

export const pageSize = (said: number): number => Math.min(MOST, said || USUAL)

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A page token is where the last page ended; opaque to callers. */
export const pageToken = (lastId: string): string => Buffer.from(lastId, 'utf8').toString('base64url')

export function afterPage(token: string): string | undefined {
  if (token === '') return undefined
  const last = Buffer.from(token, 'base64url').toString('utf8')
  if (UUID.test(last)) return last
  throw new Refusal('PAGE_TOKEN_INVALID', 'this page token was not made here', { next: 'begin again without one' })
}
