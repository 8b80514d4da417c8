import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import type { Child as WireChild, SpawnStep } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { SpawnMovedSchema } from '@powernode/proto/powernode/spawn/v1/events_pb.ts'
import { SPAWN_WORDS, type SpawnWord } from './spawn-word.ts'

export type Said = {
  /** Whose step it is; for what belongs to no child (an orphan), the id of the provider or of ourselves in `about`. */
  readonly child?: WireChild
  readonly about: string
  readonly step?: SpawnStep | undefined
  readonly reason?: string
  readonly at: Date
  readonly actor?: string
  readonly correlationId?: string
  readonly traceparent?: string
}

export const US = 'service/spawn-provisioner'

/** fed.spawn.<word>.<child id>: a spawn went on, or something was found that belongs to none. */
export function spawnMoved(word: SpawnWord, said: Said): Announcement {
  const { child, about, step, reason = '', at, actor = US, correlationId, traceparent } = said
  return {
    noun: 'spawn',
    word,
    id: about,
    severity: SPAWN_WORDS[word],
    peerId: child?.peerId || undefined,
    at,
    actor,
    correlationId,
    traceparent,
    payload: create(SpawnMovedSchema, { ...(child && { child }), ...(step && { step }), reason }),
  }
}
