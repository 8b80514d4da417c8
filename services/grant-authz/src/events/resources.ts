import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { ResourceChangedSchema } from '@powernode/proto/powernode/resource/v1/events_pb.ts'
import { MOST_NAMED, type Resource } from '../resource.ts'
import type { By } from './residency.ts'

/** fed.resource.<put|updated|removed>.<kind>: the names of what changed, never the record. A peer's doing is in its ledger. */
export function resourceChanged(
  word: 'put' | 'updated' | 'removed',
  { kind, id, revision }: Resource,
  { changed, at, by, peerId }: { changed: readonly string[]; at: Date; by: By; peerId?: string | undefined },
): Announcement {
  return {
    noun: 'resource',
    word,
    id: kind,
    peerId,
    at,
    actor: by.actor,
    correlationId: by.requestId,
    traceparent: by.traceparent,
    payload: create(ResourceChangedSchema, {
      kind,
      id,
      revision: BigInt(revision),
      changed: changed.slice(0, MOST_NAMED),
    }),
  }
}
