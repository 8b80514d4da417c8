import type { Tx } from '@powernode/postgres'
import type { Peer } from '../peer.ts'
import * as errands from '../store/errands.ts'
import * as invitations from '../store/invitations.ts'
import type { Tables } from '../store/tables.ts'
import { peerToWire } from '../wire.ts'

/** A peer as operators see it, with what surrounds it. */
export async function shown(tx: Tx<Tables>, peer: Peer, now: Date) {
  const [wire] = await allShown(tx, [peer], now)
  if (!wire) throw new Error('one peer was shown as none')
  return wire
}

/** Peers with their surroundings: two queries for a page, however long. */
export async function allShown(tx: Tx<Tables>, page: readonly Peer[], now: Date) {
  const ids = page.map(({ id }) => id)
  const openUntil = await invitations.openUntil(tx, ids, now)
  const owed = Map.groupBy(await errands.listOf(tx, ids), ({ peerId }) => peerId)
  return page.map((peer) =>
    peerToWire(peer, { invitationUntil: openUntil.get(peer.id), errands: owed.get(peer.id) ?? [] }),
  )
}
