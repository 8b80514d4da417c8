import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { algorithmOf, P256, spkiOf } from './certificate-parts.ts'
import { isOneSequence } from './der.ts'
import { checkIdentityKey } from './platform-key.ts'
import { x509 } from './x509.ts'

const LONGEST_BYTES = 4096

/** A certificate request that proves nothing: unreadable, not signed by its own key, or of a kind of key we do not certify. */
export class CsrInvalid extends Error {
  override readonly name = 'CsrInvalid'
}

/** Asks for a certificate. Names nobody: who the certificate is for is decided by who signs it. Makes a new P-256 key unless given one. */
export async function createCsr(
  privateKey: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
): Promise<{ readonly csrDer: Buffer; readonly privateKeyPkcs8Der: Buffer }> {
  const algorithm = algorithmOf(privateKey)
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: '',
    keys: {
      privateKey: privateKey.toCryptoKey(algorithm, false, ['sign']),
      publicKey: createPublicKey(privateKey).toCryptoKey(algorithm, true, ['verify']),
    },
    signingAlgorithm: algorithm === 'Ed25519' ? { name: 'Ed25519' } : P256,
  })
  return {
    csrDer: Buffer.from(csr.rawData),
    privateKeyPkcs8Der: privateKey.export({ format: 'der', type: 'pkcs8' }),
  }
}

/**
 * The key a request proves possession of; throws `CsrInvalid`.
 * Names and extensions it asks for are not even read, so nobody can talk the CA into them.
 */
export async function readCsr(der: Uint8Array): Promise<{ readonly spki: Buffer }> {
  if (der.length > LONGEST_BYTES) throw new CsrInvalid(`a certificate request has at most ${LONGEST_BYTES} bytes`)
  const csr = parse(der)
  const key = publicKeyOf(csr)
  if (!(await proves(csr))) throw new CsrInvalid('the certificate request is not signed by the key it names')
  return { spki: spkiOf(key) }
}

function parse(der: Uint8Array): x509.Pkcs10CertificateRequest {
  if (!isOneSequence(der)) throw new CsrInvalid('a certificate request is one DER structure and nothing after it')
  try {
    return new x509.Pkcs10CertificateRequest(Uint8Array.from(der))
  } catch (cause) {
    throw new CsrInvalid('not a PKCS #10 certificate request in DER', { cause })
  }
}

function publicKeyOf(csr: x509.Pkcs10CertificateRequest): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(csr.publicKey.rawData), format: 'der', type: 'spki' })
    if (algorithmOf(key) === 'Ed25519') checkIdentityKey(spkiOf(key).subarray(-32))
    return key
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'unreadable'
    throw new CsrInvalid(`the key of the certificate request is refused: ${detail}`, { cause })
  }
}

async function proves(csr: x509.Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await csr.verify()
  } catch {
    return false // an algorithm that WebCrypto does not know, or a signature that is no signature
  }
}
