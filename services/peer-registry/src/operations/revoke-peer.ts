import { newId, type Tx } from '@powernode/postgres'
import { certificateChanged, invitationChanged, peerMoved, type By } from '../events.ts'
import { move, withoutCertificate, type Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import type { Invitation } from '../invitation.ts'
import { ended, OWED, TRIED_FOR_MS } from '../notice.ts'
import { envelopeBytes, signNotice } from '../statements.ts'
import * as authorities from '../store/authorities.ts'
import * as certificates from '../store/certificates.ts'
import * as errands from '../store/errands.ts'
import * as invitations from '../store/invitations.ts'
import * as deliveries from '../store/notice-deliveries.ts'
import * as notices from '../store/notices.ts'
import * as peers from '../store/peers.ts'
import * as spawnedChildren from '../store/spawned-children.ts'
import type { Tables } from '../store/tables.ts'
import { certificateToWire } from '../wire-ca.ts'
import { weSignFor } from '../trust.ts'
import { giveUpCompromises } from './settle-compromise.ts'
import { publishBundle, refreshCrls } from './publish-bundle.ts'

/**
 * A peering ends, for good, from any state that is not revoked.
 *
 * One act: from the commit on the gateway refuses the peer, its open invitations are taken back, and the certificates
 * we signed for it are revoked. The final signed notice is an errand, so it works when the other side is gone.
 * Heard by grant-authz (revokes its grants), liveness (stops beating) and audit-ledger.
 */
export async function revokePeer(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, reason }: { us: Us; by: By; peerId: string; reason: string },
): Promise<{ peer: Peer; effects: readonly string[] }> {
  const peer = await peers.lock(tx, peerId)
  const said = { us, by, peer, reason: reason || `revoked by ${by.actor}`, toldByUs: isToBeTold(peer) }
  const revoked = await endPeer(tx, now, said)
  const notice = await oweNotice(tx, now, { us, by, peer: revoked.peer })
  return { peer: revoked.peer, effects: [...revoked.effects, ...notice] }
}

/**
 * What ending a peering does on our side, whoever ended it.
 *
 * The certificate they signed for us goes at once, unless we still have to tell them: without it their door would not
 * know who speaks. Then it goes when the notice is settled.
 */
export async function endPeer(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peer, reason, toldByUs = false }: { us: Us; by: By; peer: Peer; reason: string; toldByUs?: boolean },
): Promise<{ peer: Peer; effects: readonly string[] }> {
  // Our CA before the row: whoever changes our trust takes it first, and then draws an epoch, as saving the peer does.
  if (await hasCertificates(tx, peer)) await authorities.lock(tx)
  const ended = move(peer, 'revoke', reason, now)
  const revoked = await peers.save(tx, peer, toldByUs ? ended : withoutCertificate(ended))
  await peerMoved(tx, by, { before: peer, after: revoked, move: 'revoke' })
  await errands.removeAllBut(tx, peer.id, 'notify_revocation')
  await giveUpCompromises(tx, now, { peerId: peer.id, attempts: 0, lastError: 'the peering ended before it was told' })
  const taken = await takeBackInvitations(tx, now, by, peer)
  const certificatesRevoked = await revokeCertificates(tx, now, { us, by, peer })
  return {
    peer: revoked,
    effects: [
      `the peering with ${peer.name || peer.platformId || peer.id} ends; it was ${peer.state}`,
      'every call of the peer is refused, on open connections too',
      ...counted(taken, 'open invitation is taken back', 'open invitations are taken back'),
      ...counted(certificatesRevoked, 'certificate we signed is revoked', 'certificates we signed are revoked'),
      'every grant to the peer is revoked',
    ],
  }
}

/** One invitation is dead from now on. */
// oxlint-disable-next-line max-params -- a verb's two, who did it, and to what
export async function takeBack(tx: Tx<Tables>, now: Date, by: By, invitation: Invitation): Promise<void> {
  const taken = { ...invitation, revokedAt: now }
  await invitations.save(tx, taken)
  await invitationChanged(tx, by, { invitation: taken, word: 'revoked', at: now })
}

/** Every open invitation of a peer is dead. Returns how many there were. */
export async function takeBackInvitations(tx: Tx<Tables>, now: Date, by: By, peer: Peer): Promise<number> {
  const open = await invitations.lockOpen(tx, peer.id, now)
  for (const invitation of open) await takeBack(tx, now, by, invitation)
  return open.length
}

async function revokeCertificates(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peer }: { us: Us; by: By; peer: Peer },
): Promise<number> {
  if (!(await hasCertificates(tx, peer))) return 0
  const held = await authorities.lock(tx)
  const revoked = await certificates.revokeOfPeer(tx, peer.id, now, 'the peering ended')
  for (const certificate of revoked)
    await certificateChanged(tx, by, { certificate: certificateToWire(certificate), word: 'revoked', at: now })
  if (revoked.length > 0) {
    const generations = new Set(revoked.map(({ generation }) => generation))
    for (const authority of held) if (generations.has(authority.generation)) await refreshCrls(tx, now, us, authority)
    await publishBundle(tx, now, us)
  }
  return revoked.length
}

/** Of a peer that we sign for, and of a machine that we made: whatever trust was exchanged, its node may have one. */
async function hasCertificates(tx: Tx<Tables>, peer: Peer): Promise<boolean> {
  return weSignFor(peer) || (await spawnedChildren.find(tx, peer.id)) !== undefined
}

const isToBeTold = ({ remotePeerId, trustBundle }: Peer): boolean => remotePeerId !== null && trustBundle !== null

/** The other side is told if there is another side to tell. */
async function oweNotice(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peer }: { us: Us; by: By; peer: Peer },
): Promise<readonly string[]> {
  if (!peer.remotePeerId || !isToBeTold(peer)) return []
  const said = { platformId: us.platformId, peerId: peer.remotePeerId, reason: peer.reason, at: now }
  const statement = envelopeBytes(signNotice(us.key, said))
  const notice = ended(peer.id, peer.reason, { id: newId(now), by: by.actor, at: now })
  await notices.insert(tx, notice)
  await deliveries.insertAll(tx, [{ ...OWED, noticeId: notice.id, peerId: peer.id }])
  await errands.put(tx, {
    peerId: peer.id,
    kind: 'notify_revocation',
    statement,
    tokenSealed: null,
    tokenDigest: null,
    expiresAt: new Date(now.getTime() + TRIED_FOR_MS),
    attempts: 0,
    nextAttemptAt: now,
    lastError: '',
    createdAt: now,
  })
  return ['the other side is told, as soon as it can be reached, by a signed notice']
}

const counted = (count: number, one: string, many: string): string[] =>
  count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]
