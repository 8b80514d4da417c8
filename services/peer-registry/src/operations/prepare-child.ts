import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import { checkBootTtl } from '../invitation.ts'
import type { Peer, SpawnMode } from '../peer.ts'
import type { Us } from '../platform.ts'
import * as invitations from '../store/invitations.ts'
import * as peers from '../store/peers.ts'
import * as spawnedChildren from '../store/spawned-children.ts'
import type { Tables } from '../store/tables.ts'
import { mintInvitation, type Minted } from './create-invitation.ts'
import { proposePeer } from './propose-peer.ts'
import { takeBack, takeBackInvitations } from './revoke-peer.ts'

export type ChildWanted = {
  readonly us: Us
  readonly by: By
  readonly spawnId: string
  readonly spawnMode: SpawnMode
  readonly name: string
  readonly instanceId: string
  readonly ttlMs: number
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * The peering with a platform that is about to be made, and the one invitation that its machine is handed.
 *
 * Where the child can be reached is not known, and is not guessed: it says so itself when it accepts. The same spawn
 * again is the same peer with another invitation, because nobody but the first answer ever held the token of the one
 * before. Heard by audit-ledger.
 */
export async function prepareChild(
  tx: Tx<Tables>,
  now: Date,
  said: ChildWanted,
): Promise<{ peer: Peer; minted: Minted }> {
  const known = await spawnedChildren.holdBySpawn(tx, said.spawnId)
  if (known) {
    const minted = await rotateBootInvitation(tx, now, { ...said, peerId: known.peerId })
    return { peer: await peers.lock(tx, known.peerId), minted }
  }
  const { us, by, spawnId, instanceId, name, spawnMode } = said
  const peer = await proposePeer(tx, now, {
    us,
    by,
    url: '',
    name,
    kind: 'platform',
    spawnRole: 'parent',
    spawnMode,
    parentPeerId: null,
    accountId: null,
    remoteAccountId: null,
    environmentId: null,
    prefixAdvertisement: '',
    metadata: { ...said.metadata, spawn_id: spawnId, instance_id: instanceId },
    platformId: null,
    previousPeerId: null,
  })
  await spawnedChildren.insert(tx, { peerId: peer.id, spawnId, instanceId, createdAt: now })
  return { peer, minted: await mintBootInvitation(tx, now, { ...said, peerId: peer.id }) }
}

type Rotated = Pick<ChildWanted, 'us' | 'by' | 'ttlMs'> & { readonly peerId: string }

/** A new boot-bound invitation. Every open one before it is dead, whoever it was made for: a child is invited once. */
export async function rotateBootInvitation(tx: Tx<Tables>, now: Date, said: Rotated): Promise<Minted> {
  const peer = await lockChild(tx, said.peerId)
  if (peer.state !== 'proposed') throw bootOver(peer)
  await takeBackInvitations(tx, now, said.by, peer)
  for (const runOut of await invitations.lockBootBound(tx, peer.id)) await takeBack(tx, now, said.by, runOut)
  return mintBootInvitation(tx, now, said)
}

/** The peer, locked, which MUST be a child that we made. */
export async function lockChild(tx: Tx<Tables>, peerId: string): Promise<Peer> {
  const peer = await peers.lock(tx, peerId)
  if (await spawnedChildren.find(tx, peerId)) return peer
  throw new Refusal('CHILD_NOT_FOUND', `the peer ${peerId} is no platform that we made`, { next: 'fedctl child list' })
}

export const bootOver = ({ id, state }: Peer): Refusal =>
  new Refusal('BOOT_INVITATION_OVER', `the child has spoken, or is not to be: its peer is ${state}`, {
    metadata: { peer_id: id, state },
    next: `fedctl peer show ${id}`,
  })

function mintBootInvitation(tx: Tx<Tables>, now: Date, { us, by, peerId, ttlMs }: Rotated): Promise<Minted> {
  const named = { name: 'boot', note: 'for the machine that was made for it' }
  return mintInvitation(tx, now, { us, by, peerId, ...named, ttlMs: checkBootTtl(ttlMs), bootBound: true })
}
