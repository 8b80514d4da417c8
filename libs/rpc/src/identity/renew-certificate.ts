import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Client } from '@connectrpc/connect'
import {
  certificatesToPem,
  createCsr,
  derToPem,
  readTlsFiles,
  spiffeIdOf,
  spiffeUri,
  writeTlsFiles,
  type TlsMaterial,
} from '@powernode/identity'
import type { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'

/**
 * Fetches a new certificate for our own identity, with a key made here and now, and puts both in place in one step.
 *
 * What comes back is checked first: it MUST be for our key and in our name, or what is held stays.
 */
export async function renewCertificate(
  dir: string,
  authority: Client<typeof CertificateAuthorityService>,
): Promise<TlsMaterial> {
  const { csrDer, privateKeyPkcs8Der } = await createCsr()
  const { chain } = await authority.renewOwnCertificate({ csrDer })
  const held = readTlsFiles(dir) // after the call: the roots may have changed meanwhile
  const [leafDer] = chain
  const leaf = leafDer && new X509Certificate(leafDer)
  const named = leaf && spiffeIdOf(leaf)
  if (!named || spiffeUri(named) !== spiffeUri(held.spiffeId))
    throw new Error('the authority sent a certificate in another name')
  const key = createPrivateKey({ key: Buffer.from(privateKeyPkcs8Der), format: 'der', type: 'pkcs8' })
  if (!leaf.checkPrivateKey(key)) throw new Error('the authority sent a certificate for another key')
  return writeTlsFiles(dir, {
    cert: certificatesToPem(chain),
    key: derToPem(privateKeyPkcs8Der, 'PRIVATE KEY'),
    ca: held.ca,
    crl: held.crl,
  })
}
