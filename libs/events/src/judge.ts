import { X509Certificate, type KeyObject } from 'node:crypto'
import { checkLeafProfile, pemToDer, revokedSerials, spiffeIdOf, type TlsMaterial } from '@powernode/identity'
import { readDetached } from './signature.ts'
import { serialOf } from './signer.ts'
import { STREAM_MAX_AGE_MS } from './ensure-stream.ts'

/** Why a message is not taken for what it says. Also the label of a metric, so the list is closed. */
export const DOUBTS = [
  'SIGNATURE_MISSING',
  'SIGNATURE_INVALID',
  'SUBJECT_WRONG',
  'SIGNER_UNTRUSTED',
  'SIGNER_REVOKED',
  'SIGNER_NOT_OWNER',
  'SIGNER_OUTLIVED',
  'SIGNED_TOO_LONG_AGO',
] as const
export type Doubt = (typeof DOUBTS)[number]

/** A message that its service did not send: no delivery of it will ever be believed. */
export class Unverified extends Error {
  override readonly name = 'Unverified'
  readonly reason: Doubt

  constructor(reason: Doubt, message: string) {
    super(message)
    this.reason = reason
  }
}

/** A message as NATS hands it over. */
export type Said = {
  readonly subject: string
  readonly data: Uint8Array
  /** Empty when there is none. */
  readonly signature: string
  /** The service that alone may announce such a thing. */
  readonly owner: string
}

export type Verdict = {
  /** Never later than now: a publisher's fast clock MUST NOT make what follows look old. */
  readonly signedAt: Date
  /** The certificate has ended since. */
  readonly ended: boolean
  /** The event that its service published before it. */
  readonly after: string | undefined
}

/** Says whether a message is of the service that owns its noun, or throws `Unverified`. */
export type Judge = (said: Said, now: Date) => Verdict

/** A day more than JetStream keeps a message: older ones can only be repeats, and their receipts may be gone. */
const OLDEST_MS = STREAM_MAX_AGE_MS + 86_400_000
const MOST_CHAINS = 64

type Chain = {
  /** `service/<name>`: the path of its SPIFFE id. */
  readonly name: string
  readonly key: KeyObject
  readonly serials: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
}

/**
 * Judges by what we trust now: our platform's roots, and its revocation lists.
 *
 * A certificate has to have been good when it signed, not when it is heard: what waits in the stream outlives the
 * certificates of a week, and the relay would have to say everything again. What that lets a thief of an old key do is bounded by
 * `deliver`. A revoked certificate, or one of a root that is trusted no more, is refused whatever the time it names, since
 * a thief writes any time he likes; the relay says again what it had signed with one.
 */
export function createJudge(material: TlsMaterial): Judge {
  const roots = pemToDer(material.ca, 'CERTIFICATE').map((der) => new X509Certificate(der))
  const revoked = revokedSerials(material.crl ?? [])
  const { trustDomain } = material.spiffeId
  const known = new Map<string, Chain>()

  function chainOf(ders: readonly Buffer[], text: string): Chain {
    const found = known.get(text)
    if (found) return found
    const chain = readChain(ders, roots, trustDomain)
    if (known.size >= MOST_CHAINS) known.clear()
    known.set(text, chain)
    return chain
  }

  return ({ subject, data, signature, owner }, now) => {
    if (signature === '') throw new Unverified('SIGNATURE_MISSING', 'nobody has signed it')
    const detached = readDetached(signature)
    if (!detached) throw new Unverified('SIGNATURE_INVALID', 'the signature is no detached JWS of our form')
    const { at, after } = detached
    const chain = chainOf(detached.chain, detached.chainText)
    if (chain.serials.some((serial) => revoked.has(serial)))
      throw new Unverified('SIGNER_REVOKED', `certificate ${chain.serials[0]} is revoked`)
    if (at < chain.notBefore || at > chain.notAfter)
      throw new Unverified('SIGNER_UNTRUSTED', `the certificate was not valid at ${at.toISOString()}`)
    if (chain.name !== `service/${owner}`)
      throw new Unverified('SIGNER_NOT_OWNER', `${chain.name} cannot speak for service/${owner}`)
    if (!detached.isOver(data, chain.key))
      throw new Unverified('SIGNATURE_INVALID', 'the signature is of other bytes or by another key')
    if (detached.subject !== subject)
      throw new Unverified('SUBJECT_WRONG', `it was said as ${detached.subject.slice(0, 200)}`)
    if (now.getTime() - at.getTime() > OLDEST_MS)
      throw new Unverified('SIGNED_TOO_LONG_AGO', `it was signed at ${at.toISOString()}`)
    return { signedAt: at < now ? at : now, ended: now > chain.notAfter, after }
  }
}

/** A leaf and its issuing CA, under one of our roots: our certificates are made so, and no other shape is taken. */
function readChain(ders: readonly Buffer[], roots: readonly X509Certificate[], trustDomain: string): Chain {
  const [leaf, issuing, ...more] = ders.map(certificateOf)
  if (!leaf || !issuing || more.length > 0)
    throw new Unverified('SIGNER_UNTRUSTED', 'x5c holds a certificate and its issuer, and nothing else')
  const root = roots.find((one) => isSignedBy(issuing, one))
  if (!root || !issuing.ca || !isSignedBy(leaf, issuing))
    throw new Unverified('SIGNER_UNTRUSTED', 'the certificate does not lead to a root of ours')
  const profile = checkLeafProfile(leaf, { now: leaf.validFromDate, trustDomain, usage: 'client' })
  const id = spiffeIdOf(leaf)
  if (!profile.ok || !id) throw new Unverified('SIGNER_UNTRUSTED', profile.ok ? 'it names nobody' : profile.detail)
  const all = [leaf, issuing, root]
  return {
    name: `${id.kind}/${id.name}`,
    key: leaf.publicKey,
    serials: [leaf, issuing].map(serialOf),
    notBefore: new Date(Math.max(...all.map(({ validFromDate }) => validFromDate.getTime()))),
    notAfter: new Date(Math.min(...all.map(({ validToDate }) => validToDate.getTime()))),
  }
}

function certificateOf(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch {
    throw new Unverified('SIGNER_UNTRUSTED', 'x5c holds what is no certificate')
  }
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}
