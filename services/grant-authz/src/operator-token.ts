import { Refusal } from '@powernode/rpc'

export const DEFAULT_TTL_MS = 3_600_000
const MIN_TTL_MS = 60_000
const MAX_TTL_MS = 12 * DEFAULT_TTL_MS

/** What a token says: who it speaks for, over which certificate, until when. */
export type TokenSaid = {
  readonly id: string
  readonly operator: string
  readonly certificateSha256: Uint8Array
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** How long a token lives: one that lived longer would be a certificate in disguise. */
export function checkTtl(ttlMs: number): number {
  if (ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS) return ttlMs
  throw new Refusal('REQUEST_INVALID', 'an operator token lives between 1 minute and 12 hours', {
    metadata: { min_seconds: `${MIN_TTL_MS / 1_000}`, max_seconds: `${MAX_TTL_MS / 1_000}` },
  })
}
