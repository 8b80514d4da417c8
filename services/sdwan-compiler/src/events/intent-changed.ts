import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { IntentChangedSchema } from '@powernode/proto/powernode/sdwan/v1/events_pb.ts'
import type { By } from '../by.ts'

type Said = {
  readonly changeId: string
  readonly by: By
  readonly at: Date
  readonly changes: readonly string[]
  readonly planSha256: string
  readonly nodesTouched: number
  /** Tests were overridden. */
  readonly isForced: boolean
}

/** fed.sdwan.changed.<change id>: intent was changed. High when it was written although tests fail. */
export function intentChanged({ changeId, by, at, changes, planSha256, nodesTouched, isForced }: Said): Announcement {
  return {
    noun: 'sdwan',
    word: 'changed',
    id: changeId,
    severity: isForced ? 'high' : 'low',
    peerId: undefined,
    actor: by.actor,
    at,
    correlationId: by.requestId,
    traceparent: by.traceparent,
    payload: create(IntentChangedSchema, { changeId, by: by.actor, changes: [...changes], planSha256, nodesTouched }),
  }
}
