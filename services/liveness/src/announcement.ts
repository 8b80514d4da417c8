import { hearing, later, staleAt, type Freshness } from './freshness.ts'

/** A peer's state, as peer-registry tells it. */
export type PeerState =
  'unknown' | 'proposed' | 'accepted' | 'enrolled' | 'active' | 'degraded' | 'suspended' | 'revoked'

/** In these states beats are expected, both ways. */
export const BEATING: readonly PeerState[] = ['enrolled', 'active', 'degraded']

/** In these we beat. An accepted peer too: what keeps it there, a disclosure, travels with the beats and nothing else. */
export const BEATEN: readonly PeerState[] = ['accepted', ...BEATING]

/** After so long without effect, news is told again: whoever should have acted may have missed it. */
export const REPEAT_AFTER_MS = 5_000
/** The same kind of news of one peer stands in the ledger at most this often. */
const SAME_NEWS_AFTER_MS = 60_000

export type Announcement = 'heard' | 'silent'
export type Announcing = { readonly after: Freshness; readonly announcement: Announcement | null }

/**
 * After something was heard: announces that beats go both ways, once, and moves the deadline on.
 *
 * Never announces silence. That is the sweep's, which looks only at deadlines, so there is one way to fall silent.
 */
export function announceHeard(of: Freshness, state: PeerState, now: Date): Announcing {
  if (of.announced === 'heard') {
    return { after: { ...of, silentAt: later(staleAt(of), of.silentAt) }, announcement: null }
  }
  if (!BEATING.includes(state) || hearing(of, now) !== 'both') return { after: of, announcement: null }
  return tell(of, 'heard', now, staleAt(of))
}

/** The deadline has passed: what was announced as heard is silent. Null when it is not so (any more). */
export function announceSilent(of: Freshness, now: Date): Announcing {
  if (of.announced !== 'heard' || !of.silentAt || of.silentAt > now) return { after: of, announcement: null }
  return tell(of, 'silent', now, null)
}

/**
 * Compares what peer-registry holds a peer to be with what we know, and says what would bring the two together.
 *
 * Looks only at the present, so that nothing stays stuck after a message was lost, a database restored or a service
 * away. A peer that is active though we know nothing of it gets one stale limit to be heard in.
 */
export function reconcile(of: Freshness, state: PeerState, now: Date): Announcing {
  if (!BEATING.includes(state)) {
    const idle = of.announced === 'unknown'
    return { after: idle ? of : { ...of, announced: 'unknown', announcedAt: null, silentAt: null }, announcement: null }
  }
  const settled = !of.announcedAt || now.getTime() - of.announcedAt.getTime() >= REPEAT_AFTER_MS
  if (hearing(of, now) === 'both') {
    const known = of.announced === 'heard' && (state === 'active' || !settled)
    return known ? { after: of, announcement: null } : tell(of, 'heard', now, staleAt(of))
  }
  if (state !== 'active') return { after: of, announcement: null }
  if (of.announced !== 'unknown') return { after: of, announcement: null }
  const silentAt = new Date(now.getTime() + of.staleAfterMs)
  return { after: { ...of, announced: 'heard', announcedAt: now, silentAt }, announcement: null }
}

/**
 * The peer holds a newer trust bundle than the one we have of it: told once per sequence, and again while it stays so.
 * Never twice within seconds, because a peer that names a new one with each beat would fill our ledger.
 */
export function announceBundle(
  of: Freshness,
  heldSequence: bigint,
  now: Date,
): { after: Freshness; outdated: boolean } {
  const told = of.bundleAnnouncedSequence >= of.trustBundleSequence
  const quietMs = of.bundleAnnouncedAt ? now.getTime() - of.bundleAnnouncedAt.getTime() : Infinity
  const tooSoon = quietMs < (told ? SAME_NEWS_AFTER_MS : REPEAT_AFTER_MS)
  if (of.trustBundleSequence <= heldSequence || tooSoon) return { after: of, outdated: false }
  return {
    after: { ...of, bundleAnnouncedSequence: of.trustBundleSequence, bundleAnnouncedAt: now },
    outdated: true,
  }
}

/** A peer that came back with an earlier epoch: news, unless it did so a moment ago, for then it only means to fill our ledger. */
export function announcesRestore(before: Freshness, now: Date): boolean {
  return !before.restoredAt || now.getTime() - before.restoredAt.getTime() >= SAME_NEWS_AFTER_MS
}

function tell(of: Freshness, announcement: Announcement, now: Date, silentAt: Date | null): Announcing {
  return { after: { ...of, announced: announcement, announcedAt: now, silentAt }, announcement }
}
