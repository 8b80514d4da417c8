import { hash, timingSafeEqual } from 'node:crypto'

/** What an invitation says of the inviter's CA: SHA-256 of the root certificate (DER), lower-case hex. */
export function caPinOf(rootDer: Uint8Array): string {
  return hash('sha256', rootDer, 'hex')
}

/** Whether this root is the pinned one. Constant time, and false for anything that is not a pin. */
export function caPinMatches(rootDer: Uint8Array, pin: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(pin)) return false
  return timingSafeEqual(Buffer.from(caPinOf(rootDer), 'hex'), Buffer.from(pin, 'hex'))
}
