import {
  certificatesToPem,
  derToPem,
  pemToDer,
  readTlsFiles,
  writeTlsFiles,
  type TlsMaterial,
} from '@powernode/identity'
import type { WatchTrustResponse } from '@powernode/proto/powernode/ca/v1/service_pb.ts'

/** Brings roots and revocation lists in `dir` to what the authority says; true when something changed. */
export function holdTrust(dir: string, { roots, crls }: WatchTrustResponse): boolean {
  if (roots.length === 0) throw new Error('the authority names no root at all; what is held stays')
  const held = readTlsFiles(dir)
  const ca = certificatesToPem(roots)
  if (crls.length === 0 && held.crl)
    throw new Error('the authority names no revocation list, though there was one; what is held stays')
  const crl = crls.map((der) => derToPem(der, 'X509 CRL'))
  if (held.ca === ca && (held.crl ?? []).join() === crl.join()) return false
  writeTlsFiles(dir, { cert: held.cert, key: held.key, ca, crl })
  return true
}

/**
 * The generation of the certificate we hold. The authority names the root in use first, and a certificate file ends in
 * its own root: when they are the same the certificate is of the current generation, else of the one before.
 */
export function generationHeld({ cert }: TlsMaterial, { roots, currentGeneration }: WatchTrustResponse): number {
  const ownRoot = pemToDer(cert, 'CERTIFICATE').at(-1)
  const [inUse] = roots
  return ownRoot && inUse && ownRoot.equals(inUse) ? currentGeneration : currentGeneration - 1
}
