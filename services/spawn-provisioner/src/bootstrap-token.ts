import { hash, randomBytes } from 'node:crypto'

/** What a node shows once to get a certificate of ours: of its own, or of the replica it keeps. */
export type Purpose = 'node' | 'replica'

/** How long it may take. */
export const TOKEN_LIFE_MS = 3_600_000

/** 32 random bytes, base64url; only the digest is ever kept. */
export function mintToken(): { readonly token: string; readonly digest: Buffer } {
  const token = randomBytes(32).toString('base64url')
  return { token, digest: digestOf(token) }
}

export const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer')
