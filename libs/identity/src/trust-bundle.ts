import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { create, fromBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  TrustBundleSchema,
  type Envelope,
  type TrustBundle,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { readCrl } from './crl.ts'
import { readStatement, signStatement, statementDigest } from './envelope.ts'
import { certificatesToPem, derToPem } from './pem.ts'
import { platformIdOf, type PlatformKey } from './platform-key.ts'
import { checkRootProfile } from './profile.ts'
import { isTrustDomain } from './spiffe.ts'

export type BundleProblem = 'signature' | 'platform' | 'trust-domain' | 'sequence' | 'root' | 'crl'

export type BundleVerdict =
  | { readonly ok: true; readonly bundle: TrustBundle }
  | { readonly ok: false; readonly reason: BundleProblem; readonly detail: string }

/** What the receiver knows of the sender before it reads the bundle, none of it from the bundle itself. */
export type BundleExpectation = {
  /** The sender's identity key, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly platformId: string
  readonly trustDomain: string
  readonly now: Date
  /** The bundle already held, if any: only a higher sequence replaces it, or the very same bytes again. */
  readonly held?: { readonly sequence: bigint; readonly sha256: Uint8Array } | undefined
}

/** A platform states its roots. The sequence MUST exceed that of every bundle it has signed before. */
export function signTrustBundle(
  content: {
    readonly trustDomain: string
    readonly sequence: bigint
    readonly issuedAt: Date
    readonly roots: readonly Uint8Array[]
    readonly crls: readonly Uint8Array[]
  },
  key: PlatformKey,
): Envelope {
  const bundle = create(TrustBundleSchema, {
    platformId: platformIdOf(key.publicKey),
    trustDomain: content.trustDomain,
    sequence: content.sequence,
    issuedAt: timestampFromDate(content.issuedAt),
    roots: content.roots.map((der) => Uint8Array.from(der)),
    crls: content.crls.map((der) => Uint8Array.from(der)),
  })
  return signStatement(TrustBundleSchema, bundle, key)
}

/**
 * Whether a bundle may become what we trust for this peer.
 *
 * Continuity comes from the identity key alone: not from TLS, whose CA is what is being replaced. A bundle that passes
 * also makes a working TLS context, so storing it cannot take the peer's door down.
 */
export function verifyTrustBundle(envelope: Envelope | undefined, expected: BundleExpectation): BundleVerdict {
  const opened = readStatement(TrustBundleSchema, envelope, expected.publicKey)
  if (!envelope || !('message' in opened)) return no('signature', 'detail' in opened ? opened.detail : 'no bundle')
  const bundle = opened.message
  return (
    wrongSender(bundle, expected) ??
    oldSequence(bundle, envelope, expected) ??
    badRoot(bundle, expected) ??
    badCrl(bundle, expected.now) ?? { ok: true, bundle }
  )
}

/**
 * What to compare a new bundle with: a bundle that was verified when it was stored. It is not verified again, since
 * time passes: a held root that has ended must not stop the bundle that replaces it.
 */
export function heldBundle(verified: Envelope): NonNullable<BundleExpectation['held']> {
  const { sequence } = fromBinary(TrustBundleSchema, verified.payload)
  return { sequence, sha256: statementDigest(verified) }
}

function wrongSender(
  bundle: TrustBundle,
  { publicKey, platformId, trustDomain }: BundleExpectation,
): BundleVerdict | undefined {
  if (bundle.platformId !== platformId || platformIdOf(publicKey) !== platformId) {
    return no('platform', `the bundle is of platform ${bundle.platformId}, not ${platformId}`)
  }
  if (bundle.trustDomain !== trustDomain || !isTrustDomain(trustDomain)) {
    return no('trust-domain', `the bundle is of trust domain ${bundle.trustDomain}, not ${trustDomain}`)
  }
  return undefined
}

/** A replayed older bundle would bring back a CA that was retired, perhaps because its key was stolen. */
function oldSequence(bundle: TrustBundle, envelope: Envelope, { held }: BundleExpectation): BundleVerdict | undefined {
  if (!held || bundle.sequence > held.sequence) return undefined
  const isTheSame = statementDigest(envelope).equals(held.sha256)
  return isTheSame ? undefined : no('sequence', `bundle ${bundle.sequence} does not follow bundle ${held.sequence}`)
}

function badRoot(bundle: TrustBundle, { now, trustDomain }: BundleExpectation): BundleVerdict | undefined {
  for (const [index, der] of bundle.roots.entries()) {
    const verdict = checkRootProfile(der, { now, trustDomain })
    if (!verdict.ok) return no('root', `root ${index + 1}: ${verdict.problem}: ${verdict.detail}`)
  }
  const distinct = new Set(bundle.roots.map((der) => new X509Certificate(der).fingerprint256))
  return distinct.size === bundle.roots.length ? undefined : no('root', 'the same root twice')
}

/**
 * Where there are lists, each root must have signed one: with any list at hand Node lets OpenSSL ask for the list of
 * every certificate in a chain, the root's too, and one that is missing fails every handshake. The issuing CAs' lists
 * are OpenSSL's to judge at each handshake, since their certificates come with the chains and not here.
 */
function badCrl(bundle: TrustBundle, now: Date): BundleVerdict | undefined {
  if (bundle.crls.length === 0) return undefined
  const lists = bundle.crls.map(readCrl)
  for (const [index, list] of lists.entries()) {
    if (!list?.nextUpdate) return no('crl', `list ${index + 1} is no revocation list in DER with a next update`)
    if (list.nextUpdate <= now) return no('crl', `list ${index + 1} ran out ${list.nextUpdate.toISOString()}`)
  }
  for (const [index, root] of bundle.roots.entries()) {
    const { publicKey } = new X509Certificate(root)
    if (!lists.some((list) => list?.isSignedBy(publicKey))) return no('crl', `root ${index + 1} has signed no list`)
  }
  return notLoadable(bundle)
}

/** Last, the judge itself: what OpenSSL does not load must not be stored. */
function notLoadable({ roots, crls }: TrustBundle): BundleVerdict | undefined {
  try {
    createSecureContext({ ca: certificatesToPem(roots), crl: crls.map((der) => derToPem(der, 'X509 CRL')) })
    return undefined
  } catch (error) {
    return no('crl', `OpenSSL does not load the lists: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

function no(reason: BundleProblem, detail: string): BundleVerdict {
  return { ok: false, reason, detail }
}
