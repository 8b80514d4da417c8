import type { ServiceImpl } from '@connectrpc/connect'
import type { Logger } from '@powernode/process'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { MirroredEntry } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { Refusal, type CallersTable } from '@powernode/rpc'
import type { Shipped } from '../mirrored.ts'
import type { MirrorQuota } from '../mirror-quota.ts'
import { readMirror } from '../operations/mirror/read-mirror.ts'
import { receiveEntries } from '../operations/mirror/receive-entries.ts'
import { actForPeer, type PeerDoorDeps } from './peer-turns.ts'

export const MIRROR_CALLERS = {
  mirrorEntries: ['service/federation-gateway'],
  readMirror: ['service/federation-gateway'],
} as const satisfies Partial<CallersTable<typeof AuditLedgerService>>

export type MirrorDoorDeps = PeerDoorDeps & { readonly logger: Logger; readonly quota: MirrorQuota }

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof MIRROR_CALLERS>

/** What peers write into their mirrors here, and read back: the gateway says whose it is. */
export function mirrorHandlers({ quota, logger, ...deps }: MirrorDoorDeps): Handlers {
  return {
    async mirrorEntries({ peerId, request }) {
      const { start, entries, checkpoint, consistencyProof: proof } = required(request)
      const said = { peerId, start: sizeFrom(start), entries: entries.map(shippedFrom), checkpoint, proof, quota }
      const received = await actForPeer(deps, peerId)((tx, now) => receiveEntries(tx, now, said))
      if ('refused' in received) {
        logger.warn({ peer_id: peerId, error: received.refused }, 'what a peer signed of its log contradicts itself')
        throw received.refused
      }
      return { response: { size: BigInt(received.size) } }
    },

    async readMirror({ peerId, request }) {
      const { start, limit } = required(request)
      const said = { peerId, start: sizeFrom(start), limit }
      const page = await actForPeer(deps, peerId)((tx, now) => readMirror(tx, now, said))
      return { response: { ...page, entries: page.entries.map(toWire), size: BigInt(page.size) } }
    },
  }
}

export function required<T>(request: T | undefined): T {
  if (request === undefined) throw new Error('a request passed validation without its content')
  return request
}

/** Sizes are counted with: one beyond that is nobody's. */
export function sizeFrom(said: bigint): number {
  if (said <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(said)
  throw new Refusal('REQUEST_INVALID', 'a size beyond counting')
}

const shippedFrom = ({ leaf, salt, payload }: MirroredEntry): Shipped => ({ leaf, salt, payload })

/** The wire wants arrays that own their memory, which those of the database do. */
const toWire = ({ leaf, salt, payload }: Shipped) => ({ leaf: own(leaf), salt: own(salt), payload: own(payload) })
export const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes)
