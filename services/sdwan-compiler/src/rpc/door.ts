import { inTransaction, rehearse } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Network } from '../network.ts'
import { readNetwork } from '../operations/read-network.ts'
import type { SdwanDeps } from '../sdwan-deps.ts'
import type { SdwanTx } from '../store/tables.ts'

/** What the handlers of this service stand on. */
export type RpcDeps = SdwanDeps

type Verb<Result> = (tx: SdwanTx, now: Date) => Promise<Result>
type Deps = Pick<SdwanDeps, 'db' | 'clock'>

/** Runs what only reads, on one snapshot. */
export const look = <Result>({ db, clock }: Deps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()), { isolation: 'repeatable read' })

export const act = <Result>({ db, clock }: Deps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()))

/** As act; with `dryRun`, everything is done and nothing is kept: the answer is what would have happened. */
export const actOrRehearse = <Result>(deps: Deps, dryRun: boolean, verb: Verb<Result>): Promise<Result> =>
  dryRun ? rehearse(deps.db, (tx) => verb(tx, deps.clock.now())) : act(deps, verb)

/** The network as it is now, compiled; read again only when somebody has changed it. */
export function networkNow(deps: Pick<SdwanDeps, 'db' | 'clock' | 'compiler'>): Promise<Network> {
  const { compiler } = deps
  return compiler.now(() => look(deps, (tx, now) => readNetwork(tx, now, { compiler })))
}

const MOST = 1_000
const USUAL = 100

export const pageSize = (said: number): number => Math.min(MOST, said || USUAL)

/** A page token is where the last page ended; opaque to callers. */
export const pageToken = (last: string): string => Buffer.from(last, 'utf8').toString('base64url')

const PLACE = /^([a-z_]{1,32}\/)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function afterPage(token: string): string | undefined {
  if (token === '') return undefined
  const last = Buffer.from(token, 'base64url').toString('utf8')
  if (PLACE.test(last)) return last
  throw new Refusal('PAGE_TOKEN_INVALID', 'this page token was not made here', { next: 'begin again without one' })
}

/** The items after the last page, so many of them, and where they end. `keyOf` MUST grow along the list. */
export function pageOf<Item>(
  all: readonly Item[],
  { pageSize: size, pageToken: token }: { readonly pageSize: number; readonly pageToken: string },
  keyOf: (item: Item) => string,
): { readonly items: readonly Item[]; readonly nextPageToken: string } {
  const after = afterPage(token)
  const from = after === undefined ? 0 : all.findIndex((item) => keyOf(item) > after)
  const items = from < 0 ? [] : all.slice(from, from + pageSize(size))
  const last = items.at(-1)
  const isLast = from < 0 || from + items.length >= all.length
  return { items, nextPageToken: isLast || last === undefined ? '' : pageToken(keyOf(last)) }
}
