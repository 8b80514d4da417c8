import { caPinOf, pemToDer, readTlsFiles, TlsFilesBroken } from '@powernode/identity'

type Promised = {
  /** What the certificate names: the id of the instance. */
  readonly subject: string
  /** SHA-256 of the parent's root, hex. */
  readonly caPin: string
  readonly now: Date
}

/**
 * Whether the certificate that was promised lies there already, whole and in force.
 *
 * Whoever died after it was written MUST find it: the token that it was got by is spent, and buys nothing for another key.
 */
export function holdsCertificate(dir: string, { subject, caPin, now }: Promised): boolean {
  try {
    const { spiffeId, ca } = readTlsFiles(dir, now)
    const roots = pemToDer(ca, 'CERTIFICATE').map((root) => caPinOf(root))
    return spiffeId.kind === 'instance' && spiffeId.name === subject && roots.length === 1 && roots[0] === caPin
  } catch (error) {
    if (error instanceof TlsFilesBroken) return false
    throw error
  }
}
