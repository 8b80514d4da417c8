import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  platformIdOf,
  readStatement,
  signStatement,
  statementDigest,
  type Opened,
  type PlatformKey,
} from '@powernode/identity'
import {
  EnvelopeSchema,
  TrustBundleSchema,
  TrustReceiptSchema,
  type Envelope,
  type PlatformDescription,
  type TrustBundle,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  AcceptanceSchema,
  AgreementSchema,
  RevocationNoticeSchema,
  type Acceptance,
  type Agreement,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { RelationshipNoticeSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { Refusal } from '@powernode/rpc'
import { checkedKey } from './identity-key.ts'
import type { AdoptionRole } from './peer.ts'
import type { RelationshipSaid, RelationshipWord } from './relationship.ts'
import { printable } from './text.ts'

/** An envelope as bytes, to be kept and said again word for word. */
export const envelopeBytes = (envelope: Envelope): Buffer => Buffer.from(toBinary(EnvelopeSchema, envelope))
export const envelopeFrom = (bytes: Uint8Array): Envelope => fromBinary(EnvelopeSchema, bytes)

/** A bundle that was verified when it was stored, or is our own. */
export const bundleIn = (stored: Uint8Array): TrustBundle => fromBinary(TrustBundleSchema, envelopeFrom(stored).payload)

/** A statement that proves to come from the platform it speaks of. */
export type Proven<Statement> = { readonly said: Statement; readonly by: PlatformDescription; readonly digest: Buffer }

/** Opens an acceptance and proves it: signed by the key it names, whose platform id it carries. */
export function openAcceptance(envelope: Envelope): Proven<Acceptance> {
  const unproven = payloadOf(envelope, (bytes) => fromBinary(AcceptanceSchema, bytes))
  const said = proven(readStatement(AcceptanceSchema, envelope, keyIn(unproven.platform)), 'acceptance')
  return { said, by: describedBy(said.platform), digest: statementDigest(envelope) }
}

/** Opens an agreement; `expected` is the identity key the invitation named, if it named one. */
export function openAgreement(envelope: Envelope, expected: Uint8Array | undefined): Proven<Agreement> {
  const unproven = payloadOf(envelope, (bytes) => fromBinary(AgreementSchema, bytes))
  const said = proven(readStatement(AgreementSchema, envelope, expected ?? keyIn(unproven.platform)), 'agreement')
  const by = describedBy(said.platform)
  if (expected && !Buffer.from(by.identityKey).equals(expected))
    throw new Refusal('SIGNATURE_INVALID', 'the agreement speaks for another platform than the invitation')
  return { said, by, digest: statementDigest(envelope) }
}

/** "I hold and trust this bundle", in our name. */
export function signReceipt(
  key: PlatformKey,
  bundle: Envelope,
  said: { platformId: string; bundlePlatformId: string; bundleSequence: bigint; at: Date },
): Envelope {
  const { at, ...rest } = said
  return signStatement(
    TrustReceiptSchema,
    create(TrustReceiptSchema, { ...rest, bundleSha256: statementDigest(bundle), at: timestampFromDate(at) }),
    key,
  )
}

/**
 * Checks that a receipt is theirs and speaks of this very bundle of ours; says its sequence. That number is read from the
 * bundle: a peer that receipts bundle 3 as bundle 300 would count as holding roots it has never seen.
 */
export function openReceipt(
  envelope: Envelope,
  by: { readonly identityKey: Uint8Array; readonly platformId: string },
  bundle: Buffer,
): number {
  const receipt = proven(readStatement(TrustReceiptSchema, envelope, by.identityKey), 'receipt')
  const { platformId, sequence } = bundleIn(bundle)
  const same =
    Buffer.from(receipt.bundleSha256).equals(statementDigest(envelopeFrom(bundle))) &&
    receipt.bundleSequence === sequence &&
    receipt.bundlePlatformId === platformId &&
    receipt.platformId === by.platformId
  if (!same) throw new Refusal('BUNDLE_INVALID', 'the receipt is for another bundle')
  return Number(sequence)
}

/** "This peering has ended", in our name. */
export function signNotice(
  key: PlatformKey,
  said: { platformId: string; peerId: string; reason: string; at: Date },
): Envelope {
  const { at, ...rest } = said
  return signStatement(
    RevocationNoticeSchema,
    create(RevocationNoticeSchema, { ...rest, at: timestampFromDate(at) }),
    key,
  )
}

export function openNotice(envelope: Envelope, identityKey: Uint8Array) {
  const notice = proven(readStatement(RevocationNoticeSchema, envelope, identityKey), 'revocation notice')
  return {
    platformId: notice.platformId,
    peerId: notice.peerId,
    reason: printable(notice.reason),
    at: dateOf(notice.at),
  }
}

/** "What we are to each other has changed", in our name. */
export function signRelationship(
  key: PlatformKey,
  said: {
    platformId: string
    peerId: string
    what: RelationshipWord
    role: AdoptionRole | ''
    sequence: number
    reason: string
    at: Date
  },
): Envelope {
  const { at, sequence, ...rest } = said
  const notice = { ...rest, sequence: BigInt(sequence), at: timestampFromDate(at) }
  return signStatement(RelationshipNoticeSchema, create(RelationshipNoticeSchema, notice), key)
}

export function openRelationship(
  envelope: Envelope,
  identityKey: Uint8Array,
): RelationshipSaid & { readonly platformId: string; readonly peerId: string } {
  const { platformId, peerId, what, role, sequence, reason } = proven(
    readStatement(RelationshipNoticeSchema, envelope, identityKey),
    'relationship notice',
  )
  if (what !== 'emancipated' && what !== 'adoption-offered')
    throw new Refusal('REQUEST_INVALID', `a relationship notice cannot say ${printable(what, 40)}`)
  if (sequence > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Refusal('REQUEST_INVALID', 'the sequence of the notice is beyond counting')
  return {
    platformId,
    peerId,
    what,
    role: role === 'parent' || role === 'child' ? role : null,
    sequence: Number(sequence),
    reason: printable(reason),
  }
}

const dateOf = (at: Parameters<typeof timestampDate>[0] | undefined): Date => (at ? timestampDate(at) : new Date(0))

function payloadOf<Payload>(envelope: Envelope, decode: (bytes: Uint8Array) => Payload): Payload {
  try {
    return decode(envelope.payload)
  } catch {
    throw new Refusal('REQUEST_INVALID', `the payload is not what ${envelope.payloadType} promises`)
  }
}

function keyIn(platform: PlatformDescription | undefined): Uint8Array {
  if (!platform) throw new Refusal('SIGNATURE_INVALID', 'the statement does not say whose it is')
  return checkedKey(platform.identityKey)
}

/** The statement, if it is theirs and keeps its own rules: who breaks them learns which, and not that a signature is wrong. */
function proven<Statement>(opened: Opened<Statement>, what: string): Statement {
  if ('message' in opened) return opened.message
  if (opened.reason === 'malformed')
    throw new Refusal('REQUEST_INVALID', `the ${what} breaks its own rules: ${opened.detail}`)
  throw new Refusal('SIGNATURE_INVALID', `the ${what} is not signed by the identity key it names`)
}

/** The description in a proven statement; its platform id MUST follow from its key. */
function describedBy(platform: PlatformDescription | undefined): PlatformDescription {
  if (!platform) throw new Refusal('SIGNATURE_INVALID', 'the statement does not say whose it is')
  if (platformIdOf(platform.identityKey) !== platform.platformId)
    throw new Refusal(
      'IDENTITY_KEY_INVALID',
      `platform id ${platform.platformId} does not follow from its identity key`,
    )
  return platform
}
