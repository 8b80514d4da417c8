import { subscription } from '@powernode/events'
import type { Event } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import {
  PeerChangedSchema,
  PeerMovedSchema,
  type PeerChanged,
  type PeerMoved,
} from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { Refusal } from '@powernode/rpc'
import { notePeer } from './operations/reviews/note-peer.ts'
import type { GrantTx, Tables } from './store/tables.ts'
import { isUuid } from './uuid.ts'

/** A peer enrolled: whether its parent's operators get their grant is for peer-registry to say. */
const operatorGrant = subscription<Tables, typeof PeerMovedSchema>({
  consumer: 'grant-authz--operator-grant',
  stream: 'PEER_REGISTRY',
  subject: 'fed.peer.enrolled.*',
  event: PeerMovedSchema,
  handle: note,
})

/** A peer was revoked: whether its grants end is for peer-registry to say. */
const revocation = subscription<Tables, typeof PeerMovedSchema>({
  consumer: 'grant-authz--revocation',
  stream: 'PEER_REGISTRY',
  subject: 'fed.peer.revoked.*',
  event: PeerMovedSchema,
  handle: note,
})

/** A peer says that it is elsewhere, or is something else to us: where and what, is for peer-registry to say. */
const change = subscription<Tables, typeof PeerChangedSchema>({
  consumer: 'grant-authz--change',
  stream: 'PEER_REGISTRY',
  subject: 'fed.peer.changed.*',
  event: PeerChangedSchema,
  // oxlint-disable-next-line max-params -- the shape of a subscription's handle
  handle: async (tx, now, said, event) => {
    if (said.changed.some((field) => CONCERNS.has(field))) await note(tx, now, said, event)
  },
})

/** What of a peer decides here about its residency and its default grants. */
const CONCERNS: ReadonlySet<string> = new Set(['data_residency', 'spawn_mode', 'spawn_role'])

export const SUBSCRIPTIONS = [operatorGrant, revocation, change] as const

/** Of an event nothing is believed but that there is something to see. */
// oxlint-disable-next-line max-params -- the shape of a subscription's handle
async function note(tx: GrantTx, now: Date, { peer }: PeerMoved | PeerChanged, event: Event): Promise<void> {
  if (!peer || !isUuid(peer.id)) throw new Refusal('REQUEST_INVALID', 'an event about a peer without its id')
  const { correlationId, traceparent } = event
  await notePeer(tx, now, { peerId: peer.id, correlationId: asId(correlationId), traceparent: asId(traceparent) })
}

const ID = /^[\x21-\x7e]{1,128}$/

function asId(said: string): string {
  return ID.test(said) ? said : ''
}
