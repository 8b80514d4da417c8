import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import type { LogStatusSchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Policy } from '@powernode/tlog'
import type { LedgerKeys } from '../ledger-keys.ts'
import { findEntry, type Sought } from '../operations/read/find-entry.ts'
import { getCheckpoint } from '../operations/read/get-checkpoint.ts'
import { listEntries, withErasures } from '../operations/read/list-entries.ts'
import { listKeys } from '../operations/read/list-keys.ts'
import { listLogs, type Status } from '../operations/read/list-logs.ts'
import { proveConsistency } from '../operations/read/prove-consistency.ts'
import { beginVerify, verifyStretch } from '../operations/verify/verify-stretch.ts'
import { quorumWords } from '../quorum.ts'
import { actIn, type DoorDeps } from './door.ts'
import { entryToWire } from './entry-wire.ts'
import { prover } from './prove.ts'
import { bytes } from './wire.ts'

export type LogDeps = DoorDeps & {
  readonly keys: LedgerKeys
  /** Who has to cosign, where that is configured. */
  readonly policy?: Policy | undefined
}

const READ = ['system.federation.read'] as const

/** The ledger is read by people. */
export const LOG_CALLERS = {
  listLogs: [...READ, 'service/liveness'],
  listEntries: READ,
  getEntry: READ,
  proveEntry: READ,
  proveConsistency: READ,
  getCheckpoint: READ,
  getLedgerKeys: READ,
  verifyLog: READ,
} as const

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof LOG_CALLERS>

const DEFAULT_LIMIT = 100
const VERIFY_AT_ONCE = 2_048

export function logHandlers(deps: LogDeps): Handlers {
  const { keys, policy } = deps
  const act = actIn(deps)
  const prove = prover(deps)

  return {
    async listLogs({ log, pageSize, pageToken: after }) {
      const limit = pageSize || DEFAULT_LIMIT
      const found = await act((tx, now) => listLogs(tx, now, { log, after, limit, policy }))
      return {
        logs: found.map((status) => ({ ...statusToWire(status), witnessPolicy: quorumWords(policy) })),
        nextPageToken: found.length === limit ? (found.at(-1)?.log.name ?? '') : '',
      }
    },

    async listEntries({ log, start, limit, actionPrefix, newestFirst }) {
      const asked = { log, start: Number(start), limit: limit || DEFAULT_LIMIT, actionPrefix, newestFirst }
      const { entries, size, next } = await act((tx, now) => listEntries(tx, now, asked))
      return { entries: entries.map(entryToWire), size: BigInt(size), nextStart: BigInt(next ?? 0) }
    },

    async getEntry(asked) {
      return act(async (tx, now) => {
        const { log, row } = await findEntry(tx, now, soughtFrom(asked))
        const [shown] = await withErasures(tx, [row])
        return { log: log.name, ...(shown && { entry: entryToWire(shown) }) }
      })
    },

    async proveEntry(asked) {
      const { proof, leaf } = await prove(soughtFrom(asked))
      return { proof, leaf: bytes(leaf) }
    },

    async proveConsistency({ log, oldSize, size }) {
      const asked = { log, oldSize: Number(oldSize), size: Number(size) || undefined }
      const proven = await act((tx, now) => proveConsistency(tx, now, asked))
      return {
        size: BigInt(proven.size),
        proof: proven.proof.map(bytes),
        oldRoot: bytes(proven.oldRoot),
        root: bytes(proven.root),
      }
    },

    async getCheckpoint({ log, size }) {
      return { checkpoint: await act((tx, now) => getCheckpoint(tx, now, { log, size: Number(size) || undefined })) }
    },

    async getLedgerKeys() {
      const { logs, ...peers } = await act((tx, now) => listKeys(tx, now))
      const ours = logs.map(({ name, origin }) => ({ log: name, origin, vkey: keys.vkeys.log(origin) }))
      return {
        logs: ours,
        witnessVkey: keys.vkeys.witness,
        peerWitnesses: [...peers.peerWitnesses],
        peerLogs: [...peers.peerLogs],
      }
    },

    /** In stretches, each in a transaction of its own: a long log is verified while others write to it. */
    async *verifyLog({ log: name }, { signal }) {
      const begun = await act((tx, now) => beginVerify(tx, now, { log: name }))
      if (!begun) {
        yield { done: true, intact: true }
        return
      }
      const { log, size } = begun
      const verifier = keys.verifierOf(log.origin)
      for (let edge = begun.edge; !signal.aborted;) {
        const so = { checked: BigInt(edge.size), size: BigInt(size) }
        if (edge.size >= size) {
          yield { ...so, done: true, intact: true, root: bytes(edge.root()) }
          return
        }
        yield so
        const said = { log, edge, size, limit: VERIFY_AT_ONCE, verifier }
        const verified = await act((tx, now) => verifyStretch(tx, now, said))
        if ('kind' in verified) {
          const { kind, at, detail } = verified
          yield { ...so, done: true, damage: kind, brokenAt: BigInt(at), detail }
          return
        }
        edge = verified
      }
    },
  }
}

function soughtFrom({ log, sequence, id }: { log: string; sequence: bigint; id: string }): Sought {
  return id === '' ? { log, sequence: Number(sequence) } : { id }
}

function statusToWire(status: Status): MessageInitShape<typeof LogStatusSchema> {
  const { log, size, signed, cosigned, alarm } = status
  return {
    log: log.name,
    origin: log.origin,
    size: BigInt(size),
    signedSize: BigInt(signed?.size ?? 0),
    cosignedSize: BigInt(cosigned?.size ?? 0),
    ...(signed && { signedAt: timestampFromDate(signed.signedAt) }),
    ...(cosigned && { cosignedAt: timestampFromDate(cosigned.at) }),
    mirroredSize: BigInt(status.mirrored),
    sealedSize: BigInt(status.sealed),
    wormSize: BigInt(status.worm),
    prunedBelow: BigInt(status.prunedBelow),
    witnessedSize: BigInt(status.witnessed),
    heldSize: BigInt(status.held),
    alarm,
    witnessQuorumSize: BigInt(status.quorum),
  }
}
