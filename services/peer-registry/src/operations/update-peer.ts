import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { peerChanged, type By } from '../events.ts'
import type { Peer } from '../peer.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { checkPeerUrl } from '../url.ts'

export type Changes = {
  readonly by: By
  readonly peerId: string
  readonly name: string | undefined
  readonly url: string | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
}

/** Changes what is ours to say of a peer: its name here, where to find it, our notes. What it says of itself is not. */
export async function updatePeer(tx: Tx<Tables>, now: Date, { by, peerId, ...said }: Changes): Promise<Peer> {
  const peer = await peers.lock(tx, peerId)
  if (peer.state === 'revoked') throw new Refusal('MOVE_NOT_ALLOWED', 'a revoked peer is history and stays as it is')
  const after: Peer = {
    ...peer,
    name: said.name ?? peer.name,
    url: said.url === undefined ? peer.url : checkPeerUrl(said.url),
    metadata: said.metadata ?? peer.metadata,
    updatedAt: now,
  }
  const changed = (['name', 'url', 'metadata'] as const).filter((part) => said[part] !== undefined)
  if (changed.length === 0) return peer
  const saved = await peers.save(tx, peer, after)
  await peerChanged(tx, by, saved, changed)
  return saved
}
