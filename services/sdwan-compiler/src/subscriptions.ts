import { subscription, type Subscription } from '@powernode/events'
import type { Event } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import {
  PeerChangedSchema,
  PeerMovedSchema,
  type PeerChanged,
  type PeerMoved,
} from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { Refusal } from '@powernode/rpc'
import { noteNews } from './operations/settle-peer.ts'
import type { SdwanTx, Tables } from './store/tables.ts'
import { stateFromWire } from './wire-peer.ts'

/** What we hear of others. Consumer names are for ever: receipts are kept under them. */
const moved = (word: 'enrolled' | 'active' | 'degraded' | 'suspended' | 'revoked') =>
  subscription<Tables, typeof PeerMovedSchema>({
    consumer: `sdwan-compiler--${word}`,
    stream: 'PEER_REGISTRY',
    subject: `fed.peer.${word}.*`,
    event: PeerMovedSchema,
    handle: note,
  })

/** A peer describes itself anew: which prefixes it says it has decides what is routed to it. */
const changed = subscription<Tables, typeof PeerChangedSchema>({
  consumer: 'sdwan-compiler--changed',
  stream: 'PEER_REGISTRY',
  subject: 'fed.peer.changed.*',
  event: PeerChangedSchema,
  handle: note,
})

export const SUBSCRIPTIONS: readonly Subscription<Tables>[] = [
  moved('enrolled'),
  moved('active'),
  moved('degraded'),
  moved('suspended'),
  moved('revoked'),
  changed,
] as readonly Subscription<Tables>[]

/**
 * Of an event it is believed at once that a peering has ended or pauses, and nothing else: how a peer stands, peer-registry
 * is asked.
 */
// oxlint-disable-next-line max-params -- the shape of a subscription's handle
async function note(tx: SdwanTx, now: Date, { peer }: PeerMoved | PeerChanged, { peerId }: Event): Promise<void> {
  if (!peer || peer.id !== peerId) throw new Refusal('REQUEST_INVALID', 'an event about a peer without its id')
  await noteNews(tx, now, { peerId, state: stateFromWire(peer.state), revision: Number(peer.revision) })
}
