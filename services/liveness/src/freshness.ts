import { NO_BOOKMARK } from './bookmark.ts'

/** What we last told the others of a peer. Before the first news, and while no beats are expected, it is unknown. */
export const ANNOUNCED = ['unknown', 'heard', 'silent'] as const
export type Announced = (typeof ANNOUNCED)[number]

/** Which way beats go. `never`: nothing was ever heard either way; `neither`: something was, but too long ago. */
export type Hearing = 'both' | 'we_hear_them' | 'they_hear_us' | 'neither' | 'never'

/** How fresh what we know of one peer is, per direction. */
export type Freshness = {
  readonly peerId: string
  /** After so much silence in a direction it counts as gone; agreed with the peer. */
  readonly staleAfterMs: number

  // Theirs, as heard.
  readonly lastHeardAt: Date | null
  /** 0 before the first beat. */
  readonly epoch: bigint
  /** The epoch they have to exceed when they start anew. */
  readonly rememberedEpoch: bigint
  readonly incarnation: Buffer | null
  /** The last few before it, packed, newest first: beats of theirs that arrive late are no news. */
  readonly pastIncarnations: Buffer
  readonly sequence: bigint
  /** The nonce we echo. */
  readonly lastNonce: Buffer | null
  readonly descriptionSha256: Buffer | null
  readonly trustBundleSequence: bigint
  readonly restoredAt: Date | null
  /** The last bookmark they showed us, and the last we gave them (bookmark.ts). */
  readonly shownBookmark: Buffer
  readonly givenBookmark: Buffer

  // Ours, as they heard it.
  /** When the latest beat that they are known to have heard was sent. */
  readonly lastHeardByThemAt: Date | null
  /** The last few nonces we sent, packed (own-nonces.ts). */
  readonly sentNonces: Buffer
  /** What their last beat echoed and is none of these: perhaps the nonce of a beat that is still on its way. */
  readonly unplacedEcho: Buffer | null
  /** The last bookmark they gave us: what our beats show. */
  readonly heldBookmark: Buffer
  readonly stateThere: string
  /** How they stand with our platform version; empty while they do not say. */
  readonly versionStatusThere: string
  readonly clockOffsetMs: number | null
  readonly roundTripMs: number | null
  readonly nextBeatAt: Date | null
  readonly consecutiveFailures: number
  readonly lastError: string
  readonly lastErrorAt: Date | null

  // What we told the others.
  readonly announced: Announced
  readonly announcedAt: Date | null
  /** When `heard` stops being true unless more is heard; null exactly when `heard` is not what was announced. */
  readonly silentAt: Date | null
  readonly bundleAnnouncedSequence: bigint
  readonly bundleAnnouncedAt: Date | null
}

/** A peer of which nothing was ever heard. */
export function unheard(peerId: string, staleAfterMs: number): Freshness {
  return {
    peerId,
    staleAfterMs,
    lastHeardAt: null,
    epoch: 0n,
    rememberedEpoch: 0n,
    incarnation: null,
    pastIncarnations: Buffer.alloc(0),
    sequence: 0n,
    lastNonce: null,
    descriptionSha256: null,
    trustBundleSequence: 0n,
    restoredAt: null,
    shownBookmark: NO_BOOKMARK,
    givenBookmark: NO_BOOKMARK,
    lastHeardByThemAt: null,
    sentNonces: Buffer.alloc(0),
    unplacedEcho: null,
    heldBookmark: NO_BOOKMARK,
    stateThere: '',
    versionStatusThere: '',
    clockOffsetMs: null,
    roundTripMs: null,
    nextBeatAt: null,
    consecutiveFailures: 0,
    lastError: '',
    lastErrorAt: null,
    announced: 'unknown',
    announcedAt: null,
    silentAt: null,
    bundleAnnouncedSequence: 0n,
    bundleAnnouncedAt: null,
  }
}

export function hearing(of: Freshness, now: Date): Hearing {
  if (!of.lastHeardAt && !of.lastHeardByThemAt) return 'never'
  const weHear = isFresh(of.lastHeardAt, of.staleAfterMs, now)
  const theyHear = isFresh(of.lastHeardByThemAt, of.staleAfterMs, now)
  if (weHear) return theyHear ? 'both' : 'we_hear_them'
  return theyHear ? 'they_hear_us' : 'neither'
}

/** The first moment at which one of the directions is stale; null while one was never heard. */
export function staleAt({ lastHeardAt, lastHeardByThemAt, staleAfterMs }: Freshness): Date | null {
  if (!lastHeardAt || !lastHeardByThemAt) return null
  return new Date(Math.min(lastHeardAt.getTime(), lastHeardByThemAt.getTime()) + staleAfterMs)
}

/** The same under another stale limit: a deadline that stands moves with it. */
export function withPatience(of: Freshness, staleAfterMs: number): Freshness {
  if (of.staleAfterMs === staleAfterMs) return of
  const after = { ...of, staleAfterMs }
  return of.announced === 'heard' ? { ...after, silentAt: staleAt(after) ?? of.silentAt } : after
}

/** `at`, or `bound` when that is earlier. */
export const atMost = (at: Date | null, bound: Date): Date | null => (at && at > bound ? bound : at)

/** The later of two moments, of which either may be missing. */
export function later(a: Date | null, b: Date | null): Date | null {
  if (!a || !b) return a ?? b
  return a > b ? a : b
}

const isFresh = (at: Date | null, staleAfterMs: number, now: Date): boolean =>
  at !== null && now.getTime() < at.getTime() + staleAfterMs
