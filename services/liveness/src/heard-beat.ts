import { turnPage, type Bookmark } from './bookmark.ts'
import { atMost, later, type Freshness } from './freshness.ts'
import { NONCE_BYTES, sentAtOf } from './own-nonces.ts'

/** A beat of a peer's, as the gateway handed it over. */
export type Beat = {
  readonly receivedAt: Date
  readonly nonce: Buffer
  /** Empty before they heard one of ours. */
  readonly echoNonce: Buffer
  readonly epoch: bigint
  readonly incarnation: Buffer
  readonly sequence: bigint
  /** The last one we gave them, as their database has it; null while they cannot look. */
  readonly bookmark: Bookmark | null
  /** Whether the beat carries the sender's description. */
  readonly describes: boolean
  readonly descriptionSha256: Buffer
  readonly trustBundleSequence: bigint
}

export type HeardBeat = {
  readonly after: Freshness
  /** `replayed` MUST refresh nothing; `restored` counts as heard, and is news. */
  readonly outcome: 'heard' | 'restored' | 'replayed'
  /** The beat describes the peer differently than before. */
  readonly describedAnew: boolean
}

const INCARNATION_BYTES = 16
const KEPT_INCARNATIONS = 8

/** No platform starts so often: larger epochs are held at this, so that nobody can drive a counter over its end. */
export const LARGEST_EPOCH = 2n ** 48n

/**
 * What we know of a peer after a beat of its own.
 *
 * Within an incarnation the sequence MUST grow, and a beat of an incarnation before it is late mail: otherwise a
 * repeated message would keep a dead peer alive. An incarnation we do not know MUST come with a greater epoch than
 * any before, and every beat with what its sender was last given to keep; if it does not, the peer was restored from a backup. It is
 * heard all the same, because it is there.
 */
export function hearBeat(before: Freshness, beat: Beat): HeardBeat {
  if (isReplay(before, beat)) return { after: before, outcome: 'replayed', describedAnew: false }

  const describedAnew = beat.describes && !same(before.descriptionSha256, beat.descriptionSha256)
  const { wentBack, ...kept } = turnPage(before, beat.bookmark)
  const restored = wentBack || cameBack(before, beat)
  const echoed = sentAtOf(before.sentNonces, beat.echoNonce)
  const after: Freshness = {
    ...before,
    ...kept,
    lastHeardAt: later(before.lastHeardAt, beat.receivedAt),
    lastHeardByThemAt: later(before.lastHeardByThemAt, atMost(echoed, beat.receivedAt)),
    // Of a beat whose answer gets lost we learn by the echo, which may be here before we have given the answer up.
    unplacedEcho: !echoed && beat.echoNonce.length === NONCE_BYTES ? beat.echoNonce : null,
    epoch: capped(beat.epoch),
    rememberedEpoch: epochToExceed(before, beat),
    incarnation: isKnown(before, beat) ? before.incarnation : beat.incarnation,
    pastIncarnations: isKnown(before, beat) ? before.pastIncarnations : withPast(before),
    sequence: beat.sequence,
    lastNonce: beat.nonce,
    descriptionSha256: describedAnew ? beat.descriptionSha256 : before.descriptionSha256,
    trustBundleSequence: beat.trustBundleSequence,
    restoredAt: restored ? beat.receivedAt : before.restoredAt,
  }
  return { after, outcome: restored ? 'restored' : 'heard', describedAnew }
}

/** Whether the peer should send its description with the next beat: it names another than the one we took. */
export function wantsDescription(known: Freshness, beat: Beat): boolean {
  return beat.descriptionSha256.length > 0 && !same(known.descriptionSha256, beat.descriptionSha256)
}

function isReplay(before: Freshness, beat: Beat): boolean {
  if (same(before.lastNonce, beat.nonce)) return true
  if (isKnown(before, beat)) return beat.sequence <= before.sequence
  return isPast(before, beat)
}

/** Incarnations are random, so one that has been replaced never speaks again: what comes of it is late or repeated mail. */
function isPast({ pastIncarnations }: Freshness, beat: Beat): boolean {
  for (let at = 0; at < pastIncarnations.length; at += INCARNATION_BYTES) {
    if (pastIncarnations.subarray(at, at + INCARNATION_BYTES).equals(beat.incarnation)) return true
  }
  return false
}

function withPast({ incarnation, pastIncarnations }: Freshness): Buffer {
  if (!incarnation) return pastIncarnations
  return Buffer.concat([incarnation, pastIncarnations.subarray(0, (KEPT_INCARNATIONS - 1) * INCARNATION_BYTES)])
}

function cameBack(before: Freshness, beat: Beat): boolean {
  return before.incarnation !== null && !isKnown(before, beat) && beat.epoch <= before.rememberedEpoch
}

/** Two incarnations of one number: the next must exceed both, so the peer is told a number above its own. */
function epochToExceed(before: Freshness, beat: Beat): bigint {
  const collides = before.incarnation !== null && !isKnown(before, beat) && beat.epoch === before.rememberedEpoch
  const heard = capped(collides ? beat.epoch + 1n : beat.epoch)
  return heard > before.rememberedEpoch ? heard : before.rememberedEpoch
}

const isKnown = (before: Freshness, beat: Beat): boolean => same(before.incarnation, beat.incarnation)
const same = (known: Buffer | null, heard: Buffer): boolean => known !== null && known.equals(heard)
const capped = (epoch: bigint): bigint => (epoch < LARGEST_EPOCH ? epoch : LARGEST_EPOCH)
