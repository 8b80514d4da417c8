import { X509Certificate } from 'node:crypto'
import { checkLeafProfile, checkRootProfile, readCrl, spiffeIdOf, spiffeUri, type Crl } from '@powernode/identity'

/** Why a link of a chain does not hold. Closed: the contract names them (gateway.v1.ChainLink). */
export type Fault =
  'expired' | 'not_yet_valid' | 'signature' | 'issuer_unknown' | 'revoked' | 'wrong_identity' | 'not_a_ca'

/** One certificate of a chain; `fault` is empty where it holds, else a `Fault` and a sentence. */
export type Link = { readonly certificate: X509Certificate; readonly fault: string }

/** By whom a chain is judged, and what it is to prove. */
export type Judge = {
  /** DER. */
  readonly roots: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  readonly now: Date
  /** Whose leaf it must be. */
  readonly spiffeId?: string
  /** That the leaf is made for a TLS client, as the door asks of those who call. */
  readonly asClient?: boolean
}

type Bench = Judge & {
  readonly shown: readonly X509Certificate[]
  readonly known: readonly X509Certificate[]
  readonly lists: readonly Crl[]
}

/**
 * Says of every link whether it holds, where OpenSSL says of a whole chain only what it found first.
 *
 * This explains and never admits: what may connect is OpenSSL's word alone, and this is asked when that is known.
 */
export function judgeChain(chain: readonly Uint8Array[], judge: Judge): Link[] {
  const shown = chain.map((der) => new X509Certificate(der))
  const known = judge.roots.map((der) => new X509Certificate(der))
  const lists = judge.crls.flatMap((der) => readCrl(der) ?? [])
  const bench = { ...judge, shown, known, lists }
  return shown.map((certificate, index) => ({ certificate, fault: faultOf(bench, certificate, index) }))
}

/** Roots that we hold, each for itself. */
export function judgeRoots(roots: readonly Uint8Array[], now: Date): Link[] {
  return roots.map((der) => {
    const certificate = new X509Certificate(der)
    const verdict = checkRootProfile(der, { now })
    const fault = verdict.ok ? '' : timeFault(certificate, now) || `not_a_ca: ${verdict.detail}`
    return { certificate, fault }
  })
}

/**
 * Whether signatures alone lead from the leaf to a root of these, and the leaf is this one's: whoever holds its key is, or
 * was, who it says, however outdated or revoked it may be.
 */
export function isSignedFor(chain: readonly Uint8Array[], judge: Pick<Judge, 'roots' | 'spiffeId'>): boolean {
  const shown = chain.map((der) => new X509Certificate(der))
  const known = judge.roots.map((der) => new X509Certificate(der))
  const [leaf] = shown
  if (!leaf || nameOf(leaf) !== judge.spiffeId) return false
  let at: X509Certificate = leaf
  for (let steps = 0; steps <= shown.length; steps += 1) {
    if (isAmong(at, known)) return steps > 0
    const issuer = issuersOf(at, [...known, ...shown]).find((one) => one.ca && isSignedBy(at, one))
    if (!issuer) return false
    at = issuer
  }
  return false
}

function faultOf(bench: Bench, certificate: X509Certificate, index: number): string {
  return (
    signatureFault(bench, certificate) ||
    revokedFault(bench, certificate) ||
    (index > 0 && !certificate.ca ? 'not_a_ca: it signed the one before it, and is no CA' : '') ||
    timeFault(certificate, bench.now) ||
    (index === 0 ? identityFault(bench, certificate) : '')
  )
}

function signatureFault({ shown, known }: Bench, certificate: X509Certificate): string {
  if (isAmong(certificate, known)) return ''
  const issuers = issuersOf(certificate, [...known, ...shown])
  if (issuers.length === 0) return `issuer_unknown: nobody shows or holds ${oneLine(certificate.issuer)}, who signed it`
  const signer = issuers.find((issuer) => isSignedBy(certificate, issuer))
  if (!signer) return `signature: the key of ${oneLine(certificate.issuer)} did not sign it`
  if (signer.raw.equals(certificate.raw))
    return 'issuer_unknown: it is signed by itself, and is none of the roots we hold'
  return ''
}

function revokedFault({ shown, known, lists }: Bench, certificate: X509Certificate): string {
  const serial = plain(certificate.serialNumber)
  const issuers = issuersOf(certificate, [...known, ...shown])
  const isRevoked = lists.some(
    (list) =>
      list.serials.some((one) => plain(one) === serial) && issuers.some((issuer) => list.isSignedBy(issuer.publicKey)),
  )
  return isRevoked ? `revoked: its issuer's revocation list names ${serial}` : ''
}

function timeFault({ validFromDate, validToDate }: X509Certificate, now: Date): string {
  if (now > validToDate) return `expired: ended ${validToDate.toISOString()}`
  if (now < validFromDate) return `not_yet_valid: begins ${validFromDate.toISOString()}`
  return ''
}

function identityFault({ spiffeId, asClient, now }: Bench, leaf: X509Certificate): string {
  const found = nameOf(leaf)
  if (spiffeId !== undefined && found !== spiffeId)
    return `wrong_identity: it is ${found ?? 'nobody we know'}, not ${spiffeId}`
  if (!asClient) return ''
  const verdict = checkLeafProfile(leaf, { now, usage: 'client' })
  return verdict.ok ? '' : `wrong_identity: ${verdict.detail}`
}

/** Whoever bears the issuer's name; the certificate itself only where it did sign itself. */
function issuersOf(certificate: X509Certificate, among: readonly X509Certificate[]): X509Certificate[] {
  return among.filter(
    (one) => one.subject === certificate.issuer && (!one.raw.equals(certificate.raw) || isSignedBy(one, one)),
  )
}

function isAmong(certificate: X509Certificate, others: readonly X509Certificate[]): boolean {
  return others.some(({ raw }) => raw.equals(certificate.raw))
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey)
  } catch {
    return false // a kind of key that nothing of ours is signed with
  }
}

export function nameOf(leaf: X509Certificate): string | undefined {
  const id = spiffeIdOf(leaf)
  return id && spiffeUri(id)
}

/** Names as Node has them stand on a line each. */
export function oneLine(name: string): string {
  return name.split('\n').join(', ')
}

function plain(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, '')
}
