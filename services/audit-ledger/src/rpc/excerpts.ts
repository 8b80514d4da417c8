import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { Refusal, type CallersTable } from '@powernode/rpc'
import { listExcerpts } from '../operations/excerpts/list-excerpts.ts'
import { findCall } from '../operations/excerpts/find-call.ts'
import { proveEntry } from '../operations/read/prove-entry.ts'
import type { CheckpointBells } from '../signing/checkpoint-bells.ts'
import type { KnownPeers } from '../witness/known-peers.ts'
import { awaitSigned } from './await-signed.ts'
import { own, required, sizeFrom } from './mirror.ts'
import { actForPeer, type PeerDoorDeps } from './peer-turns.ts'

export const EXCERPT_CALLERS = {
  listExcerpts: ['service/federation-gateway'],
  getReceipt: ['service/federation-gateway'],
} as const satisfies Partial<CallersTable<typeof AuditLedgerService>>

export type ExcerptDeps = PeerDoorDeps & {
  readonly peers: Pick<KnownPeers, 'isActive'>
  readonly bells: CheckpointBells
}

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof EXCERPT_CALLERS>

/** What a peer may read of our log about it, without any grant: the contract says within 72 hours, and here it is at once. */
export function excerptHandlers({ peers, bells, ...deps }: ExcerptDeps): Handlers {
  return {
    async listExcerpts({ peerId, request }) {
      if (!peers.isActive(peerId)) throw new Refusal('PEER_NOT_ACTIVE', 'only an active peer reads excerpts')
      const { since, until, limit, start } = required(request)
      const said = {
        peerId,
        since: since && timestampDate(since),
        until: until && timestampDate(until),
        limit,
        start: sizeFrom(start),
      }
      const page = await actForPeer(deps, peerId)((tx, now) => listExcerpts(tx, now, said))
      const entries = page.entries.map(({ sequence, leaf, salt, body }) => ({
        sequence: BigInt(sequence),
        leaf: own(leaf),
        salt: own(salt ?? NOTHING),
        payload: own(body ?? NOTHING),
      }))
      return {
        response: {
          peerId,
          since: timestampFromDate(page.since),
          until: timestampFromDate(page.until),
          entries,
          count: entries.length,
          nextStart: BigInt(page.nextStart),
          checkpoint: page.checkpoint,
        },
      }
    },

    async getReceipt({ peerId, request }, { signal }) {
      const { decisionId } = required(request)
      const act = actForPeer(deps, peerId)
      const place = await act((tx, now) => findCall(tx, now, { peerId, decisionId }))
      await awaitSigned({ act, bells, clock: deps.clock }, { log: place.log, size: place.sequence + 1 }, signal)
      const { proof, leaf } = await act((tx, now) => proveEntry(tx, now, { place }))
      return { response: { proof, leaf: own(leaf) } }
    },
  }
}

const NOTHING = new Uint8Array()
