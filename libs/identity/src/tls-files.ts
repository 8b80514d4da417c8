import { createPrivateKey, X509Certificate } from 'node:crypto'
import { lstatSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { certificatesToPem, derToPem, pemToDer } from './pem.ts'
import { spiffeIdOf, type SpiffeId } from './spiffe.ts'

/** The files of one identity: whole chain (leaf, issuing CA, root), its key, whom to trust, and what was taken back. */
export const TLS_FILES = { cert: 'cert.pem', key: 'key.pem', ca: 'roots.pem', crl: 'crl.pem' } as const

/** What `writeTlsFiles` swaps in one step; see there. */
export const CURRENT = '.current'

/** A process's TLS identity, in the words of node:tls, so that it can be spread into a context's options. */
export type TlsMaterial = {
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
  const from = realDir(dir)
  const mend = `rm ${join(dir, TLS_FILES.cert)} ${join(dir, TLS_FILES.key)} && fedctl cert issue --out ${dir}`
  const cert = read(from, 'cert')
  const key = read(from, 'key')
  const ca = read(from, 'ca')
  const crl = read(from, 'crl')
  if (!cert && !key)
    throw new TlsFilesBroken(`${dir} holds neither cert.pem nor key.pem`, `fedctl cert issue --out ${dir}`)
  if (!cert) throw new TlsFilesBroken(`${dir} holds key.pem but no cert.pem, half a key pair`, mend)
  if (!key) throw new TlsFilesBroken(`${dir} holds cert.pem but no key.pem, half a key pair`, mend)
  if (!ca || pemToDer(ca, 'CERTIFICATE').length === 0) {
    throw new TlsFilesBroken(
      `${dir} holds no roots.pem with a certificate`,
      `fedctl ca show --pem > ${join(dir, TLS_FILES.ca)}`,
    )
  }
  refuseOpenKey(from, dir)
  const leaf = readChain(cert, dir, mend)
  checkPair(leaf, key, dir, mend)
  const spiffeId = spiffeIdOf(leaf)
  if (!spiffeId) throw new TlsFilesBroken(`${dir}/cert.pem does not carry exactly one SPIFFE id`, mend)
  if (now) checkTimes(leaf, now, dir, mend)
  const lists = crl ? pemToDer(crl, 'X509 CRL').map((der) => derToPem(der, 'X509 CRL')) : []
  return {
    cert: certificatesToPem(pemToDer(cert, 'CERTIFICATE')),
    key,
    ca,
    ...(lists.length > 0 && { crl: lists }),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    spiffeId,
    serial: leaf.serialNumber.toLowerCase(),
  }
}

/**
 * The directory the files lie in right now: all are read from one version, even while another is being swapped in.
 * Files that somebody put there by hand are read where they lie.
 */
export function realDir(dir: string): string {
  const placed = Object.values(TLS_FILES).filter((file) => isThere(dir, file))
  const allLinked = placed.length > 0 && placed.every((file) => isLinkedThroughCurrent(dir, file))
  return allLinked ? realpathSync(join(dir, CURRENT)) : dir
}

export function isLinkedThroughCurrent(dir: string, file: string): boolean {
  const stats = lstatSync(join(dir, file), { throwIfNoEntry: false })
  return stats?.isSymbolicLink() === true && readlinkSync(join(dir, file)) === join(CURRENT, file)
}

export function isThere(dir: string, file: string): boolean {
  return lstatSync(join(dir, file), { throwIfNoEntry: false }) !== undefined
}

function read(dir: string, file: keyof typeof TLS_FILES): string | undefined {
  try {
    return readFileSync(join(dir, TLS_FILES[file]), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function refuseOpenKey(from: string, dir: string): void {
  if (statSync(join(from, TLS_FILES.key)).mode & 0o007) {
    const path = join(dir, TLS_FILES.key)
    throw new TlsFilesBroken(`${path} can be read by every user of this machine`, `chmod 600 ${path}`)
  }
}

/** The leaf, once every certificate is shown to be signed by the next: an order that clients depend on (RFC 8446 §4.4.2). */
function readChain(cert: string, dir: string, mend: string): X509Certificate {
  const chain = parseChain(cert, dir, mend)
  const leaf = chain[0]
  if (!leaf) throw new TlsFilesBroken(`${dir}/cert.pem holds no certificate`, mend)
  for (const [index, signer] of chain.slice(1).entries()) {
    const signed = chain[index]
    if (!signed?.checkIssued(signer) || !signed.verify(signer.publicKey)) {
      throw new TlsFilesBroken(`${dir}/cert.pem: certificate ${index + 1} is not signed by the one after it`, mend)
    }
  }
  return leaf
}

function parseChain(cert: string, dir: string, mend: string): X509Certificate[] {
  try {
    return pemToDer(cert, 'CERTIFICATE').map((der) => new X509Certificate(der))
  } catch (cause) {
    throw new TlsFilesBroken(`${dir}/cert.pem cannot be read as a certificate`, mend, { cause })
  }
}

function checkPair(leaf: X509Certificate, key: string, dir: string, mend: string): void {
  if (!parseKey(key, dir, mend, leaf)) {
    throw new TlsFilesBroken(`${dir}: key.pem is not the key of cert.pem`, mend)
  }
}

function parseKey(key: string, dir: string, mend: string, leaf: X509Certificate): boolean {
  try {
    return leaf.checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new TlsFilesBroken(`${dir}/key.pem cannot be read as a private key`, mend, { cause })
  }
}

function checkTimes(leaf: X509Certificate, now: Date, dir: string, mend: string): void {
  if (now > leaf.validToDate) {
    throw new TlsFilesBroken(`${dir}/cert.pem ended at ${leaf.validToDate.toISOString()}`, mend)
  }
  if (now < leaf.validFromDate) {
    const begins = leaf.validFromDate.toISOString()
    throw new TlsFilesBroken(`${dir}/cert.pem begins only at ${begins}: is this clock right?`, 'timedatectl status')
  }
}
