import { subscription } from '@powernode/events'
import type { Event } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { PeerMovedSchema } from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { SpawnMode, SpawnRole, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Cause } from './events.ts'
import { issueOperatorGrant } from './operations/issue-operator-grant.ts'
import { revokeGrantsOf } from './operations/revoke-grants-of.ts'
import type { Tables } from './store/tables.ts'

/** A managed child of ours enrolled: its parent's operators get their grant. */
const operatorGrant = subscription<Tables, typeof PeerMovedSchema>({
  consumer: 'grant-authz--operator-grant',
  stream: 'PEER_REGISTRY',
  subject: 'fed.peer.enrolled.*',
  event: PeerMovedSchema,
  async handle(...[tx, now, { peer }, event]) {
    if (peer && isManagedChildOfOurs(peer))
      await issueOperatorGrant(tx, now, { peerId: peer.id, cause: causeOf(event) })
  },
})

/** A peer was revoked: its grants end. */
const revocation = subscription<Tables, typeof PeerMovedSchema>({
  consumer: 'grant-authz--revocation',
  stream: 'PEER_REGISTRY',
  subject: 'fed.peer.revoked.*',
  event: PeerMovedSchema,
  async handle(...[tx, now, { peer, reason }, event]) {
    if (!peer) return
    const why = reason === '' ? 'the peer was revoked' : `the peer was revoked: ${reason}`
    await revokeGrantsOf(tx, now, { peerId: peer.id, reason: why, cause: causeOf(event) })
  },
})

export const SUBSCRIPTIONS = [operatorGrant, revocation] as const

function isManagedChildOfOurs({ spawnMode, spawnRole }: Peer): boolean {
  return spawnMode === SpawnMode.MANAGED_CHILD && spawnRole === SpawnRole.PARENT
}

function causeOf({ actor, correlationId, traceparent }: Event): Cause {
  return { actor, correlationId, traceparent }
}
