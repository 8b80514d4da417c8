import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import {
  BridgeMovedSchema,
  CapabilityChangedSchema,
  GrantChangedSchema,
} from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import type { Bridge } from './bridge.ts'
import type { Capability } from './capability.ts'
import type { Grant } from './grant.ts'
import { bridgeToWire, capabilityToWire, grantToWire } from './wire.ts'

/** What led to it: joins the events of one act. */
export type Cause = { readonly actor: string; readonly correlationId: string; readonly traceparent: string }

/** The cause of what the platform does by itself. */
export const BY_ITSELF: Cause = { actor: 'service/grant-authz', correlationId: '', traceparent: '' }

/** A peer may do something here from now on. */
export const grantIssued = (grant: Grant, at: Date, cause: Cause): Announcement => ({
  ...aboutGrant(grant, at, cause),
  word: 'issued',
})

/** It may do something else, or from somewhere else. */
export const grantChanged = (grant: Grant, at: Date, cause: Cause & { readonly changed: readonly string[] }) =>
  ({ ...aboutGrant(grant, at, cause), word: 'changed' }) satisfies Announcement

/** It may do it for longer. */
export const grantRenewed = (grant: Grant, at: Date, cause: Cause): Announcement => ({
  ...aboutGrant(grant, at, { ...cause, changed: ['expires_at'] }),
  word: 'renewed',
})

/** It may no longer do it. */
export const grantRevoked = (grant: Grant, at: Date, cause: Cause): Announcement => ({
  ...aboutGrant(grant, at, cause),
  word: 'revoked',
  severity: 'medium',
})

/** It will not be able to do it soon. */
export const grantExpiring = (grant: Grant, at: Date, cause: Cause): Announcement => ({
  ...aboutGrant(grant, at, cause),
  word: 'expiring',
  severity: 'medium',
})

/** It is over for so long that nobody is told of it any more. */
export const grantArchived = (grant: Grant, at: Date, cause: Cause): Announcement => ({
  ...aboutGrant(grant, at, cause),
  word: 'archived',
})

function aboutGrant(grant: Grant, at: Date, { changed = [], ...cause }: Cause & { changed?: readonly string[] }) {
  const payload = create(GrantChangedSchema, { grant: grantToWire(grant, at), changed: [...changed] })
  return { noun: 'grant', id: grant.id, peerId: grant.peerId, at, payload, ...cause } as const
}

/** A bridge stands somewhere else now: proposed, active, suspended or revoked. */
export function bridgeMoved(bridge: Bridge, at: Date, cause: Cause & { readonly previous: string }): Announcement {
  const { previous, ...rest } = cause
  const payload = create(BridgeMovedSchema, { bridge: bridgeToWire(bridge), previousState: previous })
  return { noun: 'bridge', word: bridge.state, id: bridge.id, peerId: bridge.peerId, at, payload, ...rest }
}

/** How resources of a kind travel was set, or is set no more. */
export function capabilityChanged(
  capability: Capability,
  at: Date,
  { word, ...cause }: Cause & { readonly word: 'set' | 'removed' },
): Announcement {
  const payload = create(CapabilityChangedSchema, { capability: capabilityToWire(capability) })
  return { noun: 'capability', word, id: capability.peerId, peerId: capability.peerId, at, payload, ...cause }
}
