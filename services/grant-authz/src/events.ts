import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import type { Grant } from './grant.ts'
import { toWire } from './wire.ts'

/** What led to it: joins the events of one act. */
export type Cause = { readonly actor: string; readonly correlationId: string; readonly traceparent: string }

/** A peer may do something here from now on. */
export function grantIssued(grant: Grant, at: Date, { correlationId, traceparent }: Cause): Announcement {
  return { ...about(grant, at), word: 'issued', actor: grant.issuedBy, correlationId, traceparent }
}

/** A peer may no longer do it. */
export function grantRevoked(grant: Grant, at: Date, cause: Cause): Announcement {
  return { ...about(grant, at), word: 'revoked', ...cause }
}

function about(grant: Grant, at: Date) {
  const payload = create(GrantChangedSchema, { grant: toWire(grant, at) })
  return { noun: 'grant', id: grant.id, peerId: grant.peerId, at, payload } as const
}
