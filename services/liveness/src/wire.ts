import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt'
import type { Bookmark as WireBookmark, BookmarkSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { FreshnessSchema, type Freshness as WireFreshness } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { LARGEST_NUMBER, NO_BOOKMARK, TOKEN_BYTES, bookmark, numberOf, tokenOf, type Bookmark } from './bookmark.ts'
import { hearing, type Freshness } from './freshness.ts'

/** A peer's freshness as operators and listeners see it, at this moment. Nonces and deadlines stay with us. */
export function toWire(of: Freshness, now: Date): WireFreshness {
  return create(FreshnessSchema, {
    peerId: of.peerId,
    ...moment('lastHeardAt', of.lastHeardAt),
    ...moment('lastHeardByThemAt', of.lastHeardByThemAt),
    ...moment('nextBeatAt', of.nextBeatAt),
    ...moment('lastErrorAt', of.lastErrorAt),
    ...moment('restoredAt', of.restoredAt),
    ...(of.clockOffsetMs !== null && { clockOffset: toDuration(of.clockOffsetMs) }),
    ...(of.roundTripMs !== null && { roundTrip: toDuration(of.roundTripMs) }),
    hearing: hearing(of, now),
    epoch: of.epoch,
    sequence: of.sequence,
    consecutiveFailures: of.consecutiveFailures,
    lastError: of.lastError,
    stateThere: of.stateThere,
    versionStatusThere: of.versionStatusThere,
    announced: of.announced,
  })
}

/** Null when none was said, or none that anybody could have given. */
export function fromBookmark(wire: WireBookmark | undefined): Bookmark | null {
  if (!wire) return null
  const { number, token } = wire
  if (number === 0n) return NO_BOOKMARK
  return number > 0n && number <= LARGEST_NUMBER && token.length === TOKEN_BYTES ? bookmark(number, token) : null
}

export const toBookmark = (of: Bookmark): MessageInitShape<typeof BookmarkSchema> => ({
  number: numberOf(of),
  token: tokenOf(of),
})

const moment = (key: keyof WireFreshness, at: Date | null) => (at ? { [key]: timestampFromDate(at) } : {})

export function toDuration(ms: number): Duration {
  const seconds = Math.trunc(ms / 1_000)
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1_000) * 1e6) })
}
