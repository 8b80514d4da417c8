import { fromBinary } from '@bufbuild/protobuf'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import { statedKeys, type PeerIdentity, type PeerKeys } from '../../peer-keys.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import * as witnessed from '../../store/witnessed.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Statements are kept for ever. */
const MOST_AN_HOUR = 32
const HOUR_MS = 3_600_000

/**
 * A peer states with which keys it signs; returns those that count now.
 *
 * The newest statement counts, and an older one is refused: whoever got hold of a key that was replaced would else bring
 * it back. Two statements of one sequence cannot both be the identity key's honest word.
 * A log has one name, and a name one log, for ever: our cosignature names no key, so under a name that a second peer may
 * claim, or beside one that is left behind, it would stand for two histories.
 */
export async function adoptKeys(
  tx: LedgerTx,
  now: Date,
  {
    peer,
    ourDomain,
    statement,
  }: { readonly peer: PeerIdentity; readonly ourDomain: string; readonly statement: Uint8Array },
): Promise<PeerKeys> {
  const before = await witnessedKeys.newest(tx, peer.peerId)
  if (before && Buffer.compare(before.statement, statement) === 0) return before
  const stated = statedKeys({ peer, ourDomain, statement, envelope: fromBinary(EnvelopeSchema, statement) })
  await witnessed.lock(tx, peer.peerId)
  const newest = await witnessedKeys.newest(tx, peer.peerId)
  if (newest && areSame(newest, stated)) return newest
  if (newest && newest.sequence >= stated.sequence) {
    throw new Refusal('LEDGER_KEYS_INVALID', "a newer statement of your ledger's keys is known here", {
      metadata: { sequence: String(stated.sequence), known_sequence: String(newest.sequence) },
    })
  }
  if (newest && newest.origin !== stated.origin) throw invalid(`your log about us is ${newest.origin}, and stays it`)
  const anHourAgo = new Date(now.getTime() - HOUR_MS)
  if (await witnessedKeys.areSince(tx, peer.peerId, { count: MOST_AN_HOUR, after: anHourAgo }))
    throw new Refusal('RATE_LIMITED', 'your keys change too often', { retryAfterMs: HOUR_MS / 4 })
  await witnessed.lock(tx, stated.origin)
  if (await witnessedKeys.isAnothers(tx, stated)) throw invalid(`the log ${stated.origin} is another peer's`)
  await witnessedKeys.add(tx, stated, now)
  return stated
}

const invalid = (message: string): Refusal => new Refusal('LEDGER_KEYS_INVALID', message)

const areSame = (one: PeerKeys, other: PeerKeys): boolean =>
  one.sequence === other.sequence &&
  one.origin === other.origin &&
  Buffer.compare(one.logPublicKey, other.logPublicKey) === 0 &&
  Buffer.compare(one.witnessPublicKey, other.witnessPublicKey) === 0
