/** Work that needs the other side, or another service. At most one of a kind for a peer. */
export type ErrandKind =
  | 'redeem'
  | 'deliver_bundle'
  | 'fetch_bundle'
  | 'renew_certificate'
  | 'notify_revocation'
  | 'notify_relationship'
  | 'notify_compromise'
  | 'report_clone'

export type Errand = {
  readonly peerId: string
  readonly kind: ErrandKind
  readonly statement: Buffer | null
  readonly tokenSealed: Buffer | null
  readonly tokenDigest: Buffer | null
  /** After this moment nobody needs it done any more. */
  readonly expiresAt: Date
  readonly attempts: number
  readonly nextAttemptAt: Date
  readonly lastError: string
  readonly createdAt: Date
}

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

/** When to try again after `attempts` failures: doubling, at most a minute, spread by `jitter` in [0, 1). */
export function retryAt(now: Date, attempts: number, jitter: number): Date {
  const step = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 16))
  return new Date(now.getTime() + step * (0.5 + jitter / 2))
}

/**
 * While it is being tried, other replicas leave it alone for this long, and the one that tries says again and again that
 * it still does: a crash frees it soon, a slow peer does not.
 */
export const ERRAND_LEASE_MS = 3_000
