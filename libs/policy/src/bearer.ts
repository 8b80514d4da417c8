import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** What stands between `fg-` and the end: whose secret it is said to be, and the secret. */
export type Bearer = { readonly grantId: string; readonly secret: string }

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const FORM = new RegExp(`^fg-(${UUID})\\.([A-Za-z0-9_-]{43})$`)
const GRANT_ID = new RegExp(`^${UUID}$`)

/** A digest of no secret that anybody can name: what a secret is compared with where there is no grant. */
export const NOBODYS_SHA256: Uint8Array = new Uint8Array(32)

/** A new secret of 256 bits for a grant: the bearer is shown once, the digest is kept. */
export function mintBearer(grantId: string): { readonly bearer: string; readonly secretSha256: Uint8Array } {
  if (!GRANT_ID.test(grantId)) throw new Error(`not the id of a grant: ${JSON.stringify(grantId)}`)
  const secret = randomBytes(32).toString('base64url')
  return { bearer: `fg-${grantId}.${secret}`, secretSha256: sha256Of(secret) }
}

/** Reads a bearer byte for byte: no trimming, no case folding, no other alphabet. */
export function parseBearer(text: string): Bearer | undefined {
  const [, grantId, secret] = FORM.exec(text) ?? []
  return grantId !== undefined && secret !== undefined ? { grantId, secret } : undefined
}

const ANYWHERE = new RegExp(`(fg-${UUID})\\.[A-Za-z0-9_-]{43}`, 'gi')

/** A text of somebody else's, in which the secret of each bearer is left out. */
export function withoutBearers(text: string): string {
  return text.replaceAll(ANYWHERE, '$1.…')
}

/**
 * Whether a secret is the one of this digest, in a time that does not tell how far they agree.
 *
 * The text is digested as it is written, not what base64 decodes it to: the last letter of 43 has two bits that decoding
 * drops, and four spellings of one secret would all open the door.
 */
export function matches(secret: string, sha256: Uint8Array): boolean {
  return timingSafeEqual(sha256Of(secret), sha256.length === NOBODYS_SHA256.length ? sha256 : NOBODYS_SHA256)
}

/** By way of a text of 32 letters: a small pooled buffer costs a fifth of the one that `hash` would make. */
function sha256Of(text: string): Uint8Array {
  return Buffer.from(hash('sha256', text, 'binary'), 'binary')
}
