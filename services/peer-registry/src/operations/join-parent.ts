import type { Tx } from '@powernode/postgres'
import { isReason, Refusal, type Reason } from '@powernode/rpc'
import { DAY_MS, digestOf } from '../invitation.ts'
import type { By } from '../events.ts'
import type { Offer } from '../offer.ts'
import type { Parentage } from '../parentage.ts'
import type { Peer, SpawnMode, TrustMode } from '../peer.ts'
import type { Us } from '../platform.ts'
import * as parentages from '../store/parentages.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { acceptInvitation } from './accept-invitation.ts'

/** What the boot payload says. The parent judges when its token has run out; we only give up at some time. */
export type BootPayload = {
  readonly us: Us
  readonly by: By
  /** Empty: the one that was given before. */
  readonly token: string
  /** Of the parent's platform: who has to sign the agreement, what its server has to show, and where it is. */
  readonly offer: Omit<Offer, 'token' | 'expiresAt'>
  readonly parentPeerId: string
  readonly spawnMode: SpawnMode
  readonly trustMode: TrustMode
}

const GIVE_UP_AFTER_MS = 8 * DAY_MS

/**
 * We take up the invitation of the payload that this machine was booted with, as the child it says we are.
 *
 * It is the operator of the parent who let us be its child, by making us; there is nobody of our own yet to ask. What
 * the payload says of the parent is kept, and the parent's agreement has to say the same (store-agreement.ts). Said again
 * it shows how far it has come, or throws what the parent refused it with; with another token it begins anew.
 */
export async function joinParent(tx: Tx<Tables>, now: Date, said: BootPayload): Promise<Peer> {
  const { us, by, token, parentPeerId, spawnMode, trustMode } = said
  const known = await parentages.holdByParent(tx, parentPeerId)
  const peer = known && (await peers.lock(tx, known.peerId))
  if (known && peer && (peer.state !== 'proposed' || isSame(known, token))) return standingOf(known, peer)
  if (token === '')
    throw new Refusal('REQUEST_INVALID', 'there is no token to join the parent with', {
      metadata: { missing: 'acceptance_token' },
      next: "the parent's operators make another: fedctl child rotate-token",
    })
  const expiresAt = new Date(now.getTime() + GIVE_UP_AFTER_MS)
  const offer = { ...said.offer, token, expiresAt }
  const joining = await acceptInvitation(tx, now, { us, by, offer, name: '', trustMode, metadata: {} })
  await parentages.put(tx, {
    peerId: joining.id,
    parentPeerId,
    spawnMode,
    tokenDigest: digestOf(token),
    refusedReason: '',
    refusedMessage: '',
    enrollmentSealed: null,
    createdAt: now,
    doneAt: null,
  })
  return joining
}

const isSame = ({ tokenDigest }: Parentage, token: string): boolean =>
  token === '' || digestOf(token).equals(tokenDigest)

function standingOf({ refusedReason, refusedMessage }: Parentage, peer: Peer): Peer {
  if (peer.state !== 'proposed' || refusedReason === '') return peer
  const reason: Reason = isReason(refusedReason) ? refusedReason : 'PEER_REFUSED'
  throw new Refusal(reason, refusedMessage, {
    metadata: { peer_id: peer.id, peer_reason: refusedReason },
    next: "the parent's operators make another token, or end this child: fedctl child rotate-token, or terminate",
  })
}
