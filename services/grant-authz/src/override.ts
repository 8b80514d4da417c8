import { Refusal } from '@powernode/rpc'

/** One call that residency forbids, allowed once. */
export type Override = {
  readonly id: string
  readonly peerId: string
  readonly resourceKind: string
  /** Empty: any of the kind. */
  readonly resourceId: string
  readonly reason: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly expiresAt: Date
  /** The decision that used it up, and when. */
  readonly decisionId: string | undefined
  readonly usedAt: Date | undefined
  readonly revokedAt: Date | undefined
}

export type OverrideStatus = 'open' | 'used' | 'expired' | 'revoked'

/** Where an override stands at a moment. It is over AT `expiresAt`. */
export function overrideStatus({ usedAt, revokedAt, expiresAt }: Override, at: Date): OverrideStatus {
  if (usedAt) return 'used'
  if (revokedAt) return 'revoked'
  return at < expiresAt ? 'open' : 'expired'
}

const SHORTEST_MS = 60_000
const LONGEST_MS = 86_400_000
const USUAL_MS = 3_600_000

/** How long an override lasts; an hour unless said otherwise. */
export function overrideTtl(ttlMs: number | undefined): number {
  const ms = ttlMs ?? USUAL_MS
  if (ms >= SHORTEST_MS && ms <= LONGEST_MS) return ms
  throw new Refusal('OVERRIDE_TTL_OUT_OF_RANGE', 'an override lasts a minute at least and a day at most', {
    metadata: { shortest_ms: String(SHORTEST_MS), longest_ms: String(LONGEST_MS) },
  })
}
