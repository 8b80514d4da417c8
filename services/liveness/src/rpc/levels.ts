import type { ServiceImpl } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { ServiceLevelService } from '@powernode/proto/powernode/liveness/v1/level_pb.ts'
import type { CallersTable } from '@powernode/rpc'
import { beginningOf, levelOf, WINDOW_NAMES } from '../figures/window.ts'
import type { Tally } from '../level/tally.ts'
import * as freshness from '../store/freshness.ts'
import * as serviceLevels from '../store/service-levels.ts'
import type { Tables } from '../store/tables.ts'
import { levelToWire } from '../wire-level.ts'
import { FIRST, isPeerId, pageToken, readPageToken } from './page-token.ts'

export const LEVEL_CALLERS = {
  listServiceLevels: ['system.federation.read'],
} as const satisfies CallersTable<typeof ServiceLevelService>

type Deps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  /** What this replica has not written down yet counts as well. */
  readonly tally: Pick<Tally, 'peek'>
}

/** Peers to a page; each is said once for every window. */
const PAGE = 100

/** How well peerings have worked. */
export const levelHandlers = ({ db, clock, tally }: Deps): ServiceImpl<typeof ServiceLevelService> => ({
  listServiceLevels: ({ peerIds, windows, pageSize, pageToken: token }) =>
    inTransaction(db, async (tx) => {
      const now = clock.now()
      const limit = pageSize || PAGE
      const after = token === '' ? FIRST : readPageToken(token)
      const all = peerIds.length === 0
      const ids = all
        ? (await freshness.page(tx, after, limit)).map(({ peerId }) => peerId)
        : [...(await freshness.find(tx, peerIds.filter(isPeerId))).keys()]
      const wanted = WINDOW_NAMES.filter((window) => windows.length === 0 || windows.includes(window))
      const beginnings = wanted.map((window) => beginningOf(window, now))
      const rows = Map.groupBy(await serviceLevels.sums(tx, ids, beginnings), ({ peerId }) => peerId)
      const of = (peerId: string) => {
        const counted = tally.peek(peerId)
        return [...(rows.get(peerId) ?? []), ...(counted ? [{ ...counted, since: now }] : [])]
      }
      const last = ids.at(-1)
      return {
        levels: ids.flatMap((peerId) => wanted.map((window) => levelToWire(peerId, levelOf(window, of(peerId), now)))),
        nextPageToken: all && ids.length === limit && last ? pageToken(last) : '',
      }
    }),
})
