import { toBinary } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { inTransaction } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { AddCheckpointRequest } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { EnvelopeSchema, type Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal, type CallersTable } from '@powernode/rpc'
import type { LedgerKeys } from '../ledger-keys.ts'
import { adoptKeys } from '../operations/witness/adopt-keys.ts'
import { listHeads } from '../operations/witness/list-heads.ts'
import { observeHead } from '../operations/witness/observe-head.ts'
import { witnessCheckpoint, type WitnessOutcome } from '../operations/witness/witness-checkpoint.ts'
import type { PeerKeys } from '../peer-keys.ts'
import * as witnessedKeys from '../store/witnessed-keys.ts'
import type { LedgerTx } from '../store/tables.ts'
import type { Endorsement } from '../witness/endorsement.ts'
import type { KnownPeers } from '../witness/known-peers.ts'
import { cosignatureOf } from '../cosign.ts'
import { actForPeer, type PeerDoorDeps } from './peer-turns.ts'

export const WITNESS_CALLERS = {
  witnessCheckpoint: ['service/federation-gateway'],
  observeHeads: ['service/liveness'],
  listHeads: ['service/liveness'],
} as const satisfies Partial<CallersTable<typeof AuditLedgerService>>

export type WitnessDeps = PeerDoorDeps & {
  readonly logger: Logger
  readonly trustDomain: string
  readonly keys: LedgerKeys
  readonly endorsement: Endorsement
  readonly peers: KnownPeers
}

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof WITNESS_CALLERS>

const HEADS = 1_000

/** What peers' logs about us are shown with, so that neither side can rewrite its own. */
export function witnessHandlers(deps: WitnessDeps): Handlers {
  const { db, clock, keys, endorsement, logger } = deps
  const act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => inTransaction(db, (tx) => verb(tx, clock.now()))

  return {
    async witnessCheckpoint({ peerId, request }) {
      if (!request) throw new Error('a request passed validation without its content')
      const known = await keysOf(deps, peerId, request)
      const { checkpoint: note, oldSize, consistencyProof: proof } = request
      const said = { keys: known, note, oldSize: sizeFrom(oldSize), proof, byPeer: true }
      const outcome = await actForPeer(deps, peerId)((tx, now) => witnessCheckpoint(tx, now, said))
      if (outcome.kind !== 'witnessed') {
        logger.warn({ peer_id: peerId, outcome: outcome.kind }, 'a checkpoint was not witnessed')
        throw refusalOf(outcome)
      }
      const ledgerKeys = endorsement.current()
      const cosignatures = cosignatureOf(outcome.note, keys.cosignerAt(outcome.at.getTime()))
      return { response: { cosignatures, ...(ledgerKeys && { ledgerKeys }) } }
    },

    /** One peer's head in a transaction of its own: what is found about one must not be lost with another's. */
    async observeHeads({ heads }) {
      for (const { peerId, head } of heads) {
        const note = head?.checkpoint ?? ''
        if (note === '') continue
        const observed = await act((tx, now) => observeHead(tx, now, { peerId, note }))
        if (observed === 'fork' || observed === 'behind')
          logger.warn({ peer_id: peerId, outcome: observed }, 'the head of a log contradicts what was witnessed')
      }
      return {}
    },

    async listHeads({ after, pageSize }) {
      const said = { after: Number(after), limit: pageSize || HEADS }
      const { heads, position, more } = await act((tx, now) => listHeads(tx, now, said))
      return {
        heads: heads.map(({ peerId, note }) => ({ peerId, head: { checkpoint: note } })),
        position: BigInt(position),
        more,
      }
    },
  }
}

/** The keys that count for the peer: those that it states with this very request, or else those it stated before. */
async function keysOf(deps: WitnessDeps, peerId: string, { ledgerKeys }: AddCheckpointRequest): Promise<PeerKeys> {
  const { peers, trustDomain } = deps
  return actForPeer(
    deps,
    peerId,
  )(async (tx, now) => {
    const known = ledgerKeys
      ? await adoptKeys(tx, now, {
          peer: peers.identityOf(peerId),
          ourDomain: trustDomain,
          statement: bytesOf(ledgerKeys),
        })
      : await witnessedKeys.newest(tx, peerId)
    if (known) return known
    throw keysUnknown("your ledger's keys are not known here")
  })
}

const bytesOf = (envelope: Envelope): Uint8Array => toBinary(EnvelopeSchema, envelope)

/** Sizes are counted with: one beyond that is nobody's. */
function sizeFrom(said: bigint): number {
  if (said <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(said)
  throw new Refusal('CHECKPOINT_INVALID', 'the old size is beyond counting')
}

const keysUnknown = (message: string): Refusal =>
  new Refusal('LEDGER_KEYS_UNKNOWN', message, { next: 'send ledger_keys along with the checkpoint' })

const invalid = (message: string): Refusal => new Refusal('CHECKPOINT_INVALID', message)

/** What the peer is told. With a size comes the note that it once signed for it: it can check that against its own log. */
function refusalOf(outcome: Exclude<WitnessOutcome, { kind: 'witnessed' }>): Refusal {
  switch (outcome.kind) {
    case 'flawed':
      if (outcome.flaw === 'unknown-key') return keysUnknown(outcome.detail)
      return invalid(`this is not a checkpoint of your log: ${outcome.detail}`)
    case 'backwards':
      return invalid('the old size is above the size of the checkpoint')
    case 'often':
      return new Refusal('RATE_LIMITED', 'your log has too many checkpoints a minute', { retryAfterMs: 1_000 })
    case 'inconsistent':
      return invalid(`the checkpoint does not continue what was witnessed: ${outcome.detail}`)
    case 'conflict':
      return new Refusal('CHECKPOINT_CONFLICT', `the log was witnessed up to size ${outcome.size}`, {
        metadata: { size: String(outcome.size), checkpoint: outcome.note },
      })
    default:
      return new Refusal('CHECKPOINT_FORKED', `your log tells two truths: ${outcome.alarm.detail}`, {
        metadata: { size: String(outcome.size), checkpoint: outcome.note, alarm_id: outcome.alarm.id },
      })
  }
}
