import { subscription, type Subscription } from '@powernode/events'
import { PeerMovedSchema } from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import * as children from './store/children.ts'
import type { Tables } from './store/tables.ts'

/**
 * That the peering of a child moved, as peer-registry says. A doorbell: how the peer stands is asked of peer-registry
 * itself, by whoever attends to the child. Consumer names are for ever: receipts are kept under them.
 */
const moved = (word: 'accepted' | 'enrolled' | 'active' | 'revoked') =>
  subscription<Tables, typeof PeerMovedSchema>({
    consumer: `spawn-provisioner--${word}`,
    stream: 'PEER_REGISTRY',
    subject: `fed.peer.${word}.*`,
    event: PeerMovedSchema,
    handle: (tx, _now, _moved, { peerId }) => children.ringOf(tx, peerId),
  })

export const SUBSCRIPTIONS = [
  moved('accepted'),
  moved('enrolled'),
  moved('active'),
  moved('revoked'),
] as readonly Subscription<Tables>[]
