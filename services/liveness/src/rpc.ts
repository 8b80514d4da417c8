import type { ServiceImpl } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import type { CallersTable } from '@powernode/rpc'
import type { PeerFeed } from './feed/peer-feed.ts'
import type { LedgerHeads } from './heads/ledger-heads.ts'
import type { BeatMetrics } from './metrics/beat-metrics.ts'
import type { Recorder } from './recorder/recorder.ts'
import { beatPeer } from './rpc/beat-peer.ts'
import { inAnyOrder } from './rpc/in-any-order.ts'
import { FIRST, isPeerId, pageToken, readPageToken } from './rpc/page-token.ts'
import { recordHeartbeats } from './rpc/record-heartbeats.ts'
import type { Ear } from './watch/ear.ts'
import * as freshness from './store/freshness.ts'
import * as platform from './store/platform.ts'
import type { Tables } from './store/tables.ts'
import { toWire } from './wire.ts'

/** Who may call each RPC. */
export const CALLERS = {
  recordHeartbeats: ['service/federation-gateway'],
  listFreshness: ['system.federation.read'],
  beatPeer: ['system.federation_peers.manage'],
} as const satisfies CallersTable<typeof LivenessService>

export type RpcDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly feed: PeerFeed
  readonly recorder: Recorder
  readonly heads: LedgerHeads
  readonly ear: Ear
  readonly metrics: BeatMetrics
}

/** Messages of one stream that are worked on at a time; the gateway waits when it sends more. */
const MESSAGES_AT_ONCE = 32
const PAGE = 100

export function handlers(deps: RpcDeps): ServiceImpl<typeof LivenessService> {
  const { db, clock } = deps
  return {
    recordHeartbeats: (requests) =>
      deps.ear.during(inAnyOrder(requests, (request) => recordHeartbeats(deps, request), MESSAGES_AT_ONCE)),

    async listFreshness({ peerIds, pageSize, pageToken: token }) {
      const limit = pageSize || PAGE
      const after = token === '' ? FIRST : readPageToken(token)
      const { rows, epoch } = await inTransaction(db, async (tx) => ({
        rows:
          peerIds.length > 0
            ? [...(await freshness.find(tx, peerIds.filter(isPeerId))).values()]
            : await freshness.page(tx, after, limit),
        epoch: await platform.epoch(tx),
      }))
      const last = rows.at(-1)
      const more = peerIds.length === 0 && rows.length === limit && last
      const now = clock.now()
      return {
        freshness: rows.map((row) => toWire(row, now)),
        epoch,
        nextPageToken: more ? pageToken(last.peerId) : '',
      }
    },

    async beatPeer({ peerId }, { signal }) {
      return { freshness: toWire(await beatPeer(deps, peerId, signal), clock.now()) }
    },
  }
}
