import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { OverlayMovedSchema } from '@powernode/proto/powernode/sdwan/v1/events_pb.ts'

export const US = 'service/sdwan-compiler'

/** What becomes of the road to a peer, and how much that matters to people. */
const WORDS = {
  overlay_offered: 'low',
  overlay_up: 'low',
  overlay_withdrawn: 'medium',
  overlap_refused: 'medium',
} as const

export type OverlayWord = keyof typeof WORDS

type Said = {
  readonly peerId: string
  readonly prefixes: readonly string[]
  readonly reason: string
  readonly at: Date
  readonly actor?: string
  readonly correlationId?: string
  readonly traceparent?: string
}

/** fed.sdwan.<word>.<peer id>. */
export function overlayMoved(word: OverlayWord, said: Said): Announcement {
  const { peerId, prefixes, reason, at, actor = US, correlationId, traceparent } = said
  return {
    noun: 'sdwan',
    word,
    id: peerId,
    severity: WORDS[word],
    peerId,
    actor,
    at,
    correlationId,
    traceparent,
    payload: create(OverlayMovedSchema, { federationPeerId: peerId, prefixes: [...prefixes], reason }),
  }
}
