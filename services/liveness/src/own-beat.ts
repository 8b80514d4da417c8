import { laterBookmark, type Bookmark } from './bookmark.ts'
import { atMost, later, type Freshness } from './freshness.ts'
import { rememberNonce } from './own-nonces.ts'

/** A beat of ours that was answered. Moments without "their" are of our clock. */
export type AnsweredBeat = {
  readonly nonce: Buffer
  readonly sentAt: Date
  readonly answeredAt: Date
  readonly theirReceivedAt: Date | null
  readonly theirSentAt: Date | null
  readonly stateThere: string
  readonly versionStatusThere: string
  readonly trustBundleSequence: bigint
  /** What we are to keep and show with the next; empty when they gave none. */
  readonly bookmark: Bookmark
  readonly nextBeatAt: Date
}

/** A beat of ours that brought no answer we can believe. They may have heard it: their next echo tells. */
export type FailedBeat = {
  readonly nonce: Buffer
  readonly sentAt: Date
  readonly failedAt: Date
  /** A stable reason and a sentence. */
  readonly error: string
  readonly nextBeatAt: Date
}

/** How platform versions stand to each other. Whatever else a peer says of that is nothing. */
const VERSION_STATUSES = ['compatible', 'degraded', 'incompatible'] as const

/** Longer texts of others are cut. */
const TEXT_LENGTH = 300

/**
 * A text that another platform chose, as one line without control characters. Postgres cannot store U+0000 (nor half a character
 * in jsonb), and a batch that holds it once would be lost for every peer in it.
 */
export const line = (said: string): string =>
  said
    .slice(0, TEXT_LENGTH)
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')

/**
 * What we know of a peer after it answered a beat of ours: it hears us.
 *
 * As of the moment we sent, not the moment of the answer: an answer that took nine seconds says nothing newer.
 */
export function noteAnswer(before: Freshness, beat: AnsweredBeat): Freshness {
  return {
    ...before,
    ...clockReading(beat),
    lastHeardByThemAt: later(before.lastHeardByThemAt, atMost(beat.sentAt, beat.answeredAt)),
    unplacedEcho: isEchoed(before, beat) ? null : before.unplacedEcho,
    sentNonces: rememberNonce(before.sentNonces, beat.nonce, beat.sentAt),
    heldBookmark: laterBookmark(before.heldBookmark, beat.bookmark),
    stateThere: line(beat.stateThere),
    versionStatusThere: VERSION_STATUSES.find((status) => status === beat.versionStatusThere) ?? '',
    trustBundleSequence: beat.trustBundleSequence,
    nextBeatAt: beat.nextBeatAt,
    consecutiveFailures: 0,
    lastError: '',
  }
}

/** What we know after a beat without an answer. If one of theirs has echoed it meanwhile, they heard it all the same. */
export function noteFailure(before: Freshness, beat: FailedBeat): Freshness {
  const echoed = isEchoed(before, beat)
  return {
    ...before,
    lastHeardByThemAt: echoed
      ? later(before.lastHeardByThemAt, atMost(beat.sentAt, beat.failedAt))
      : before.lastHeardByThemAt,
    unplacedEcho: echoed ? null : before.unplacedEcho,
    sentNonces: rememberNonce(before.sentNonces, beat.nonce, beat.sentAt),
    nextBeatAt: beat.nextBeatAt,
    consecutiveFailures: before.consecutiveFailures + 1,
    lastError: line(beat.error),
    lastErrorAt: beat.failedAt,
  }
}

const isEchoed = ({ unplacedEcho }: Freshness, { nonce }: { nonce: Buffer }): boolean =>
  unplacedEcho !== null && unplacedEcho.equals(nonce)

/** What one exchange says of the other clock; nothing when they did not stamp it. */
export function clockReading(
  beat: Pick<AnsweredBeat, 'sentAt' | 'answeredAt' | 'theirReceivedAt' | 'theirSentAt'>,
): Pick<Freshness, 'clockOffsetMs' | 'roundTripMs'> {
  if (!beat.theirReceivedAt || !beat.theirSentAt) return { clockOffsetMs: null, roundTripMs: null }
  const [sent, answered] = [beat.sentAt.getTime(), beat.answeredAt.getTime()]
  const [received, replied] = [beat.theirReceivedAt.getTime(), beat.theirSentAt.getTime()]
  return {
    // Their clock minus ours, by the midpoint method (RFC 5905 section 8): exact when both ways take equally long,
    // and never wrong by more than half the round trip.
    clockOffsetMs: bounded((received - sent + (replied - answered)) / 2),
    roundTripMs: bounded(Math.max(0, answered - sent - Math.max(0, replied - received))),
  }
}

/** A peer may claim any year, also one that no date holds: what goes into the table is a number that every reader can hold. */
const bounded = (ms: number): number | null =>
  Number.isNaN(ms) ? null : Math.round(Math.max(-LONGEST_MS, Math.min(LONGEST_MS, ms)))
const LONGEST_MS = 1_000 * 86_400_000
