import { checkIdentityKey, InvalidKey, isTrustDomain, readStatement } from '@powernode/identity'
import { LedgerKeysSchema, type LedgerKeys } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import { verifierOf, type Verifier } from '@powernode/tlog'

/** Who a peer is, as peer-registry knows it. */
export type PeerIdentity = {
  readonly peerId: string
  readonly platformId: string
  readonly identityKey: Uint8Array
  /** The peer's own id of the peering: its log about us is named by it. */
  readonly remotePeerId: string
  /** Where the peer's certificates lie: its own domain, or ours when we sign them. */
  readonly trustDomain: string
}

/** With what a peer signs its log about us, and what it has witnessed of ours: stated by its identity key. */
export type PeerKeys = {
  readonly peerId: string
  readonly sequence: number
  readonly trustDomain: string
  readonly origin: string
  readonly logPublicKey: Uint8Array
  readonly witnessPublicKey: Uint8Array
  /** The envelope, as it came. */
  readonly statement: Uint8Array
}

/** Verifies checkpoints of the peer's log about us. */
export const logVerifier = ({ origin, logPublicKey }: PeerKeys): Verifier => verifierOf(origin, 'ed25519', logPublicKey)

/** Verifies what the peer says to have witnessed of our logs. */
export const witnessVerifier = ({ trustDomain, witnessPublicKey }: PeerKeys): Verifier =>
  verifierOf(witnessName(trustDomain), 'cosignature/v1', witnessPublicKey)

export const witnessName = (trustDomain: string): string => `${trustDomain}/witness`

type Said = {
  readonly peer: PeerIdentity
  readonly ourDomain: string
  readonly envelope: Envelope
  readonly statement: Uint8Array
}

/**
 * What a peer states of its keys, provided that its identity key signed it and that it speaks for that platform.
 *
 * The keys MUST be sound and two: of a key of low order anybody can sign anything, and what a log signs must never pass
 * for what a witness has seen.
 */
export function statedKeys({ peer, ourDomain, envelope, statement }: Said): PeerKeys {
  const opened = readStatement(LedgerKeysSchema, envelope, peer.identityKey)
  if (!('message' in opened))
    throw invalid(`the statement of your ledger's keys is not to be believed: ${opened.detail}`)
  const said = opened.message
  const flaw = flawOf(said, peer, ourDomain)
  if (flaw !== undefined) throw invalid(flaw)
  return {
    peerId: peer.peerId,
    sequence: Number(said.sequence),
    trustDomain: said.trustDomain,
    origin: `${said.trustDomain}/peers/${peer.remotePeerId}`,
    logPublicKey: said.logPublicKey,
    witnessPublicKey: said.witnessPublicKey,
    statement,
  }
}

function flawOf(said: LedgerKeys, peer: PeerIdentity, ourDomain: string): string | undefined {
  const { platformId, trustDomain, sequence, logPublicKey, witnessPublicKey } = said
  if (platformId !== peer.platformId) return 'the statement speaks for another platform'
  if (!isTrustDomain(trustDomain)) return 'the statement names no trust domain'
  // A child whose certificates we sign has a trust domain of its own all the same; it is never ours.
  if (trustDomain === ourDomain || (peer.trustDomain !== ourDomain && trustDomain !== peer.trustDomain))
    return `${trustDomain} is not the trust domain of this peer`
  if (peer.remotePeerId === '') return 'it is not known yet what you call this peering'
  if (sequence > BigInt(Number.MAX_SAFE_INTEGER)) return 'the sequence is beyond counting'
  if (Buffer.compare(logPublicKey, witnessPublicKey) === 0) return 'log and witness MUST have a key each'
  return unsound(logPublicKey) ?? unsound(witnessPublicKey)
}

function unsound(key: Uint8Array): string | undefined {
  try {
    checkIdentityKey(key)
    return undefined
  } catch (error) {
    if (error instanceof InvalidKey) return error.message
    throw error
  }
}

const invalid = (message: string): Refusal => new Refusal('LEDGER_KEYS_INVALID', message)
