import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { certificatesToPem, derToPem, pemToDer } from './pem.ts'
import { spiffeIdOf, type SpiffeId } from './spiffe.ts'
import { readTogether, TLS_FILES, type TextsTogether } from './tls-file-versions.ts'

/** A process's TLS identity, in the words of node:tls, so that it can be spread into a context's options. */
export type TlsMaterial = {
  /** The chain to send: leaf, issuing CA, root; PEM. */
  readonly cert: string
  readonly key: string
  /** The roots to trust, PEM. */
  readonly ca: string
  /** One PEM each: node:tls reads only the first list of a text. Absent: nothing is checked for revocation. */
  readonly crl?: string[]
  readonly notBefore: Date
  readonly notAfter: Date
  readonly spiffeId: SpiffeId
  /** Lower-case hex. */
  readonly serial: string
}

/** Files that cannot be used. `mend` is what to type. */
export class TlsFilesBroken extends Error {
  override readonly name = 'TlsFilesBroken'
  readonly mend: string

  constructor(problem: string, mend: string, options?: ErrorOptions) {
    super(`${problem}; mend it: ${mend}`, options)
    this.mend = mend
  }
}

/**
 * Reads an identity, whole or not at all: half a pair, a key of another certificate, or a chain that does not hang
 * together is an error that says what to type. Nothing falls back to plaintext or to no client certificate.
 * With `now`, a certificate that has ended or not begun is refused too.
 */
export function readTlsFiles(dir: string, now?: Date): TlsMaterial {
  const { texts, keyMode } = readTogether(dir)
  const { leaf, material } = wholeIn(dir, texts)
  if (keyMode & 0o007) {
    const path = join(dir, TLS_FILES.key)
    throw new TlsFilesBroken(`${path} can be used by every user of this machine`, `chmod 600 ${path}`)
  }
  if (now) checkTimes(dir, leaf, now)
  return material
}

type Whole = { readonly leaf: X509Certificate; readonly material: TlsMaterial }

/**
 * What was found whole in a directory last, and the texts it was found in: a process opens a dozen roads with one identity, each
 * reads it twice, and to check a chain takes longer than all else that a road needs before its handshake.
 */
const FOUND = new Map<string, Whole & { readonly texts: TextsTogether['texts'] }>()
const MOST_FOUND = 32

function wholeIn(dir: string, texts: TextsTogether['texts']): Whole {
  const before = FOUND.get(dir)
  if (before && Object.values(TLS_FILES).every((file) => before.texts.get(file) === texts.get(file))) return before
  const found = { ...readWhole(dir, texts), texts }
  FOUND.delete(dir)
  for (const oldest of [...FOUND.keys()].slice(0, Math.max(0, FOUND.size + 1 - MOST_FOUND))) FOUND.delete(oldest)
  FOUND.set(dir, found)
  return found
}

function readWhole(dir: string, texts: TextsTogether['texts']): Whole {
  const { cert, key } = pairOf(dir, texts.get(TLS_FILES.cert), texts.get(TLS_FILES.key))
  const ca = texts.get(TLS_FILES.ca) ?? ''
  if (pemToDer(ca, 'CERTIFICATE').length === 0) {
    const roots = join(dir, TLS_FILES.ca)
    throw new TlsFilesBroken(`${dir} holds no roots.pem with a certificate`, `fedctl ca show --pem > ${roots}`)
  }
  const leaf = leafOf(dir, cert)
  checkPair(dir, leaf, key)
  const spiffeId = spiffeIdOf(leaf)
  if (!spiffeId) throw new TlsFilesBroken(`${dir}/cert.pem does not carry exactly one SPIFFE id`, anew(dir))
  const crl = pemToDer(texts.get(TLS_FILES.crl) ?? '', 'X509 CRL').map((der) => derToPem(der, 'X509 CRL'))
  const material = {
    cert: certificatesToPem(pemToDer(cert, 'CERTIFICATE')),
    key,
    ca,
    ...(crl.length > 0 && { crl }),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    spiffeId,
    serial: leaf.serialNumber.toLowerCase(),
  }
  return { leaf, material }
}

function pairOf(dir: string, cert: string | undefined, key: string | undefined): { cert: string; key: string } {
  if (cert !== undefined && key !== undefined) return { cert, key }
  if (key !== undefined) throw new TlsFilesBroken(`${dir} holds key.pem but no cert.pem, half a key pair`, anew(dir))
  if (cert !== undefined) throw new TlsFilesBroken(`${dir} holds cert.pem but no key.pem, half a key pair`, anew(dir))
  throw new TlsFilesBroken(`${dir} holds neither cert.pem nor key.pem`, anew(dir))
}

/** The leaf, once every certificate is shown to be signed by the next: an order that clients depend on (RFC 8446 §4.4.2). */
function leafOf(dir: string, cert: string): X509Certificate {
  const chain = parseChain(dir, cert)
  const [leaf] = chain
  if (!leaf) throw new TlsFilesBroken(`${dir}/cert.pem holds no certificate`, anew(dir))
  for (const [index, signer] of chain.slice(1).entries()) {
    const signed = chain[index]
    if (!signed?.checkIssued(signer) || !signed.verify(signer.publicKey)) {
      const problem = `${dir}/cert.pem: certificate ${index + 1} is not signed by the one after it`
      throw new TlsFilesBroken(problem, anew(dir, leaf))
    }
  }
  return leaf
}

function parseChain(dir: string, cert: string): X509Certificate[] {
  try {
    return pemToDer(cert, 'CERTIFICATE').map((der) => new X509Certificate(der))
  } catch (cause) {
    throw new TlsFilesBroken(`${dir}/cert.pem cannot be read as a certificate`, anew(dir), { cause })
  }
}

function checkPair(dir: string, leaf: X509Certificate, key: string): void {
  let matches: boolean
  try {
    matches = leaf.checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new TlsFilesBroken(`${dir}/key.pem cannot be read as a private key`, anew(dir, leaf), { cause })
  }
  if (!matches) throw new TlsFilesBroken(`${dir}: key.pem is not the key of cert.pem`, anew(dir, leaf))
}

function checkTimes(dir: string, leaf: X509Certificate, now: Date): void {
  if (now > leaf.validToDate) {
    throw new TlsFilesBroken(`${dir}/cert.pem ended at ${leaf.validToDate.toISOString()}`, anew(dir, leaf))
  }
  if (now < leaf.validFromDate) {
    const begins = leaf.validFromDate.toISOString()
    throw new TlsFilesBroken(`${dir}/cert.pem begins only at ${begins}: is this clock right?`, 'timedatectl status')
  }
}

/** A new identity over the broken one, whose name is used where it can still be read. */
function anew(dir: string, leaf?: X509Certificate): string {
  const { kind, name } = (leaf && spiffeIdOf(leaf)) ?? { kind: 'service', name: '<name>' }
  return `fedctl cert issue ${name} --kind ${kind} --out ${dir}${kind === 'service' ? ' --host <host>' : ''}`
}
