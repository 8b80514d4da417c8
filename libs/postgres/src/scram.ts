import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/**
 * Iterations make guessing dear (RFC 7677 wants 4096), and every connection pays for each of them. What was drawn cannot be guessed at
 * any price: 24 random bytes are 2^192 guesses. That it was drawn it says itself: 32 letters may as well be five words that somebody
 * thought of, and nothing that a person wrote MUST ever be taken for drawn.
 */
const ITERATIONS = { drawn: 64, thoughtOf: 4096 } as const
const DRAWN_BYTES = 24
const DRAWN = /^drawn-[\w-]{32}$/
const SALT_BYTES = 16

/** A password that only programs will ever say. */
export function drawPassword(): string {
  return `drawn-${randomBytes(DRAWN_BYTES).toString('base64url')}`
}

/**
 * What Postgres stores for a password (RFC 5802, RFC 7677): `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 *
 * Setting this instead of the password keeps the password out of the server's log, its statistics and its memory.
 * Only printable ASCII is taken, where SASLprep (RFC 4013) changes nothing.
 */
export function scramVerifier(password: string): string {
  if (!/^[\x21-\x7e]+$/.test(password)) throw new Error('a database password must be printable ASCII without spaces')
  const salt = randomBytes(SALT_BYTES)
  const iterations = DRAWN.test(password) ? ITERATIONS.drawn : ITERATIONS.thoughtOf
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const serverKey = hmac(salted, 'Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
