import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto'

/** Said before what is signed, so that no signature made for another purpose is one for this. */
const PURPOSE = Buffer.from('powernode node renewal\0')

export type NodeRenewal = { readonly certificateDer: Uint8Array; readonly signature: Uint8Array }

/** A node asks for another certificate by the one it has: the request, signed with the key that is certified now. PEM. */
export function signRenewal(
  { cert, key }: { readonly cert: string; readonly key: string },
  csrDer: Uint8Array,
): NodeRenewal {
  const privateKey = createPrivateKey(key)
  const digest = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return { certificateDer: new X509Certificate(cert).raw, signature: sign(digest, said(csrDer), privateKey) }
}

/**
 * The certificate by which a request is made, when its key signed just that request; undefined when it did not, or when there
 * is no certificate to be read. Whether it is in force, and whose it is, MUST be asked besides.
 */
export function renewedBy({ certificateDer, signature }: NodeRenewal, csrDer: Uint8Array): X509Certificate | undefined {
  try {
    const leaf = new X509Certificate(certificateDer)
    const digest = leaf.publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
    return verify(digest, said(csrDer), leaf.publicKey, signature) ? leaf : undefined
  } catch {
    return undefined // bytes of a stranger
  }
}

const said = (csrDer: Uint8Array): Buffer => Buffer.concat([PURPOSE, csrDer])
