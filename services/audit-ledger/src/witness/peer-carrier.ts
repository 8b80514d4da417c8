import { toBinary } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { EnvelopeSchema, type Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { refusalOf, type Refusal } from '@powernode/rpc'
import { parseSignatureLines } from '@powernode/tlog'
import type { LedgerKeys } from '../ledger-keys.ts'
import { adoptKeys } from '../operations/witness/adopt-keys.ts'
import { weighClaim } from '../operations/witness/weigh-claim.ts'
import type { Delivery } from '../operations/witness/next-delivery.ts'
import { witnessName, witnessVerifier, type PeerKeys } from '../peer-keys.ts'
import * as witnessedKeys from '../store/witnessed-keys.ts'
import type { Tables } from '../store/tables.ts'
import type { Answer, Carrier } from './deliver.ts'
import type { Endorsement } from './endorsement.ts'
import type { KnownPeers } from './known-peers.ts'

export type PeerCarrierDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly trustDomain: string
  readonly keys: LedgerKeys
  readonly endorsement: Endorsement
  readonly peers: KnownPeers
  readonly federation: Pick<Client<typeof FederationService>, 'addCheckpoint'>
  /** A peer has proven that we once signed more, or something else, of the log about it than we have. MUST NOT throw. */
  readonly onLost: (peerId: string) => void
}

const TIMEOUT_MS = 10_000

/** The peer a log is about, as its witness: reached through our gateway. */
export function peerCarrier(deps: PeerCarrierDeps, peerId: string): Carrier {
  const { db, federation, endorsement } = deps
  const known = () => inTransaction(db, (tx) => witnessedKeys.newest(tx, peerId))
  let sendKeys = false

  async function ask(delivery: Delivery, signal: AbortSignal) {
    const statement = sendKeys ? endorsement.current() : undefined
    const { note: checkpoint, oldSize, proof } = delivery
    const request = {
      checkpoint,
      oldSize: BigInt(oldSize),
      consistencyProof: [...proof],
      ...(statement && { ledgerKeys: statement }),
    }
    const headers = { 'powernode-peer-id': peerId }
    return federation.addCheckpoint(request, { headers, signal, timeoutMs: TIMEOUT_MS })
  }

  return {
    async witnessName() {
      const keys = await known()
      sendKeys ||= keys === undefined // a peer whose keys we do not know will hardly know ours
      return keys && witnessName(keys.trustDomain)
    },

    async carry(delivery, signal) {
      try {
        const { cosignatures, ledgerKeys } = await ask(delivery, signal)
        const keys = ledgerKeys ? await adopted(deps, peerId, ledgerKeys) : await known()
        if (!keys) throw new Error('the peer cosigned without ever having stated its keys')
        const lines = parseSignatureLines(cosignatures).map(({ line }) => line)
        return { kind: 'cosigned', lines, verifier: witnessVerifier(keys) }
      } catch (error) {
        const refusal = refusalOf(error)
        const said = refusal?.metadata['peer_reason']
        if (said === 'LEDGER_KEYS_UNKNOWN' && !sendKeys && endorsement.current()) {
          sendKeys = true
          return { kind: 'conflict', lastSeen: delivery.oldSize }
        }
        if (refusal && (said === 'CHECKPOINT_CONFLICT' || said === 'CHECKPOINT_FORKED'))
          return contradicted(deps, peerId, refusal)
        throw error
      }
    },
  }
}

function adopted(
  { db, clock, peers, trustDomain }: PeerCarrierDeps,
  peerId: string,
  said: Envelope,
): Promise<PeerKeys> {
  const statement = toBinary(EnvelopeSchema, said)
  return inTransaction(db, (tx) =>
    adoptKeys(tx, clock.now(), { peer: peers.identityOf(peerId), ourDomain: trustDomain, statement }),
  )
}

/** The peer has seen something else of our log. What it shows for it decides who is mistaken. */
async function contradicted(deps: PeerCarrierDeps, peerId: string, refusal: Refusal): Promise<Answer> {
  const { db, clock, keys, logger, onLost } = deps
  const { size = '', checkpoint: note = '', peer_reason: said } = refusal.metadata
  const lastSeen = Number(size)
  if (said === 'CHECKPOINT_CONFLICT' && lastSeen === 0) return { kind: 'conflict', lastSeen }
  const claim = { peerId, note, verifierOf: keys.verifierOf }
  const weighed = await inTransaction(db, (tx) => weighClaim(tx, clock.now(), claim))
  // Forked as well: shown the step that cannot be proven, the peer finds out, too.
  if ((weighed === 'agrees' || weighed === 'forked') && said === 'CHECKPOINT_CONFLICT')
    return { kind: 'conflict', lastSeen }
  logger.error(
    { peer_id: peerId, outcome: weighed, reason: said ?? '' },
    'a peer has witnessed something else of our log',
  )
  if (weighed === 'lost' || weighed === 'forked') onLost(peerId)
  throw refusal
}
