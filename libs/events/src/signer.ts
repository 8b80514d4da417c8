import { createPrivateKey, hash, X509Certificate } from 'node:crypto'
import { pemToDer, revokedSerials, type TlsMaterial } from '@powernode/identity'
import { signDetached, type Statement } from './signature.ts'

/** What a service signs its news with: the certificate that it shows to all others as well. */
export type Signer = {
  /** Lower-case hex. */
  readonly serial: string
  /** SHA-256 of the root above it, hex. */
  readonly root: string
  /** Why nobody would believe it now: ended, revoked, or of a root that is trusted no more. */
  flawAt(now: Date): string | undefined
  sign(data: Uint8Array, statement: Statement): string
}

/** Whom an outbox's news was signed by and can stand no longer: roots that are trusted, serials that are revoked. */
export type Standing = { readonly roots: readonly string[]; readonly revoked: readonly string[] }

export function createSigner(material: TlsMaterial): Signer {
  const chain = pemToDer(material.cert, 'CERTIFICATE')
  const key = createPrivateKey(material.key)
  const root = fingerprint(chain.at(-1) ?? Buffer.alloc(0))
  const { roots, revoked } = standingOf(material)
  const serials = chain.slice(0, -1).map((der) => serialOf(new X509Certificate(der)))
  // The root is left out: whoever judges has it, and trusts no other.
  const x5c = chain.slice(0, -1).map((der) => der.toString('base64'))
  return {
    serial: serials[0] ?? '',
    root,
    flawAt(now) {
      if (now > material.notAfter) return `the certificate ended at ${material.notAfter.toISOString()}`
      if (!roots.includes(root)) return 'the certificate is of a root that is trusted no more'
      return serials.some((serial) => revoked.includes(serial)) ? 'the certificate is revoked' : undefined
    },
    sign: (data, statement) => signDetached(data, statement, { key, x5c }),
  }
}

export function standingOf({ ca, crl = [] }: TlsMaterial): Standing {
  return { roots: pemToDer(ca, 'CERTIFICATE').map(fingerprint), revoked: [...revokedSerials(crl)] }
}

/** As `revokedSerials` has them. */
export function serialOf({ serialNumber }: X509Certificate): string {
  return serialNumber.toLowerCase().replace(/^0+(?=.)/, '')
}

function fingerprint(der: Uint8Array): string {
  return hash('sha256', der)
}
