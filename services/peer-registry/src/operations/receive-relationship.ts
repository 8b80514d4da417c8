import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import { peerChanged, type By } from '../events.ts'
import type { Us } from '../platform.ts'
import { hearRelationship } from '../relationship.ts'
import { openRelationship } from '../statements.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { changedFields, oweNotice } from './change-relationship.ts'

/** The other side says what we are to each other now, and proves that it is its word. Heard twice is heard once. */
export async function receiveRelationship(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, notice }: { us: Us; by: By; peerId: string; notice: Envelope },
): Promise<{ changed: boolean }> {
  const peer = await peers.lock(tx, peerId)
  const { platformId, peerId: meant, ...said } = openRelationship(notice, peer.identityKey ?? Buffer.alloc(0))
  if (platformId !== peer.platformId || meant !== peer.id)
    throw new Refusal('SIGNATURE_INVALID', 'the notice is about another peering')
  const heard = hearRelationship(peer, said, now)
  if (!heard) return { changed: false }
  const saved = await peers.save(tx, peer, heard.peer)
  if (heard.answers)
    await oweNotice(tx, now, { us, saved, what: 'emancipated', role: '', reason: 'the other side ended it' })
  const changed = changedFields(peer, saved)
  if (changed.length > 0) await peerChanged(tx, { ...by, actor: `peer/${peer.id}` }, saved, changed)
  return { changed: changed.length > 0 }
}
