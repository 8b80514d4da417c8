import { newId, type Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { caPinOf } from '@powernode/identity'
import { invitationChanged, type By } from '../events.ts'
import { checkTtl, digestOf, encodeInvitation, mintToken, type Invitation } from '../invitation.ts'
import type { Us } from '../platform.ts'
import * as authorities from '../store/authorities.ts'
import * as invitations from '../store/invitations.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** An invitation while it can still be read: after this answer, only the digest of its token exists. */
export type Minted = { readonly invitation: Invitation; readonly text: string; readonly token: string }

/**
 * Makes one more invitation for a proposed peer. Others that are open stay open: each is revoked by itself.
 *
 * Heard by audit-ledger, without the token.
 */
export async function createInvitation(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; peerId: string; name: string; note: string; ttlMs: number },
): Promise<Minted> {
  const ttlMs = checkTtl(said.ttlMs)
  const peer = await peers.lock(tx, said.peerId)
  if (peer.state !== 'proposed' || peer.weRedeem)
    throw new Refusal('MOVE_NOT_ALLOWED', `only a peer we proposed can be invited; this one is ${peer.state}`, {
      metadata: { state: peer.state },
      next: peer.state === 'revoked' ? `fedctl peer re-peer ${peer.id}` : `fedctl peer show ${peer.id}`,
    })
  return mintInvitation(tx, now, { ...said, ttlMs, peerId: peer.id, bootBound: false })
}

/** An invitation for a peer that is locked, and may be invited. */
export async function mintInvitation(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; peerId: string; name: string; note: string; ttlMs: number; bootBound: boolean },
): Promise<Minted> {
  const token = mintToken()
  const invitation: Invitation = {
    id: newId(now),
    peerId: said.peerId,
    name: said.name,
    note: said.note,
    tokenDigest: digestOf(token),
    createdBy: said.by.actor,
    createdAt: now,
    expiresAt: new Date(now.getTime() + said.ttlMs),
    redeemedAt: null,
    redeemedBy: null,
    acceptanceDigest: null,
    answer: null,
    revokedAt: null,
    expiredAt: null,
    bootBound: said.bootBound,
  }
  await invitations.insert(tx, invitation)
  await invitationChanged(tx, said.by, { invitation: invitation, word: 'created', at: now })
  return { invitation, token, text: await textOf(tx, said.us, token, invitation.expiresAt) }
}

async function textOf(tx: Tx<Tables>, us: Us, token: string, expiresAt: Date): Promise<string> {
  const { rootCertificate } = await authorities.current(tx)
  return encodeInvitation({
    token,
    urls: us.self.endpoints.map(({ url }) => url),
    identityKey: Buffer.from(us.key.publicKey),
    platformName: us.self.name,
    trustDomain: us.trustDomain,
    caPin: Buffer.from(caPinOf(rootCertificate), 'hex'),
    window: us.self.window,
    expiresAt,
  })
}
