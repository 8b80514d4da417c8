import { randomBytes } from 'node:crypto'

/**
 * How far two platforms have come together, in one direction of beats: packed as number (8 bytes, big endian) ‖ 16 random bytes.
 *
 * Whoever hears beats gives one with each answer, and sees it again with the next beat. A sender whose database went back shows
 * one that it has shown before, and neither starts nor changes of who leads can make up for it: the next is drawn at
 * random, and given only to who shows the one before.
 */
export type Bookmark = Buffer

/** Shown by who was never given one. */
export const NO_BOOKMARK: Bookmark = Buffer.alloc(0)

const NUMBER_BYTES = 8
export const TOKEN_BYTES = 16
/** Nobody hears so many beats: greater numbers are nothing, so that nobody can drive a counter over its end. */
export const LARGEST_NUMBER = 2n ** 48n

export function bookmark(number: bigint, token: Uint8Array): Bookmark {
  const packed = Buffer.alloc(NUMBER_BYTES)
  packed.writeBigInt64BE(number)
  return Buffer.concat([packed, token])
}

export const numberOf = (of: Bookmark): bigint => (of.length === 0 ? 0n : of.readBigInt64BE())
export const tokenOf = (of: Bookmark): Buffer => of.subarray(NUMBER_BYTES)

/** What the one who hears beats keeps of them. */
export type Kept = { readonly shownBookmark: Bookmark; readonly givenBookmark: Bookmark }
export type Turned = Kept & {
  /** They once showed a later one: their database went back. */
  readonly wentBack: boolean
}

/**
 * What we keep after a beat that showed this bookmark; null while its sender cannot look.
 *
 * What they showed once they had in their database. So who shows less has forgotten, which is noticed once, for from then on it is
 * expected to go on from there. And who shows more than we ever gave has it of us all the same: it is we who have forgotten.
 */
export function turnPage({ shownBookmark, givenBookmark }: Kept, shown: Bookmark | null): Turned {
  if (!shown) return { shownBookmark, givenBookmark, wentBack: false }
  if (shown.equals(givenBookmark)) return { shownBookmark: shown, givenBookmark: after(shown), wentBack: false }
  // The answer that gave them the last one was lost, or they could not write it down.
  if (shown.equals(shownBookmark)) return { shownBookmark, givenBookmark, wentBack: false }
  const number = numberOf(shown)
  const isLess = number < numberOf(givenBookmark) && number !== numberOf(shownBookmark)
  return { shownBookmark: shown, givenBookmark: isLess ? givenBookmark : after(shown), wentBack: isLess }
}

/** Of two that the same peer gave us the later one: answers may overtake one another. */
export const laterBookmark = (a: Bookmark, b: Bookmark): Bookmark => (numberOf(b) > numberOf(a) ? b : a)

/** Whether who is given this one for the one it showed has been given others in between, which it does not know any more. */
export const leapsOver = (shown: Bookmark, given: Bookmark): boolean => numberOf(given) > numberOf(shown) + 1n

function after(shown: Bookmark): Bookmark {
  const next = numberOf(shown) + 1n
  return bookmark(next < LARGEST_NUMBER ? next : LARGEST_NUMBER, randomBytes(TOKEN_BYTES))
}
