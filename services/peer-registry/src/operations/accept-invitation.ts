import { create } from '@bufbuild/protobuf'
import { createCsr, signStatement } from '@powernode/identity'
import { newId, type Tx } from '@powernode/postgres'
import { AcceptanceSchema, type Acceptance } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { agree } from '../contract.ts'
import { NOTHING_SAID } from '../description.ts'
import { DAY_MS, digestOf } from '../invitation.ts'
import { peerChanged, peerMoved, type By } from '../events.ts'
import type { Offer } from '../offer.ts'
import type { Peer, TrustMode } from '../peer.ts'
import type { Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import { envelopeBytes, envelopeFrom } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import { printable } from '../text.ts'
import { descriptionOf, timersToWire } from '../wire-description.ts'
import { checkNotPeered, NOT_YET } from './propose-peer.ts'

export type Taken = {
  readonly us: Us
  readonly by: By
  readonly offer: Offer
  readonly name: string
  readonly trustMode: TrustMode
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * We take up an invitation of another platform.
 *
 * Nothing is sent here: the statement that will be sent is signed and kept, word for word, with the token sealed
 * beside it, and an errand carries it over. So a crash, a lost answer or a second click says the same thing again,
 * and the other side gives the same answer again.
 */
export async function acceptInvitation(tx: Tx<Tables>, now: Date, taken: Taken): Promise<Peer> {
  const { us, by, offer } = taken
  const tokenDigest = digestOf(offer.token)
  const underway = await errands.holdByToken(tx, tokenDigest)
  if (underway) return peers.lock(tx, underway.peerId)

  await checkOffer(tx, us, offer, now)
  const { proposed, isNew } = await proposedBy(tx, now, taken)
  const csr = taken.trustMode === 'hierarchical' ? await createCsr() : undefined
  const peer = csr ? await keepKey(tx, us, proposed, csr.privateKeyPkcs8Der) : proposed
  const acceptance = create(AcceptanceSchema, {
    tokenSha256: tokenDigest,
    audiencePlatformId: offer.platformId ?? '',
    platform: descriptionOf(us, await platform.read(tx)),
    peerId: peer.id,
    timers: timersToWire(us.self.timers),
    trust: csr ? { case: 'csrDer', value: Uint8Array.from(csr.csrDer) } : await ourBundle(tx),
  })
  await errands.put(tx, {
    peerId: peer.id,
    kind: 'redeem',
    statement: envelopeBytes(signStatement(AcceptanceSchema, acceptance, us.key)),
    tokenSealed: us.sealing.seal(Buffer.from(offer.token), SEALED.acceptanceToken(peer.id)),
    tokenDigest,
    expiresAt: offer.expiresAt ?? new Date(now.getTime() + DAY_MS),
    attempts: 0,
    nextAttemptAt: now,
    lastError: '',
    createdAt: now,
  })
  await (isNew
    ? peerMoved(tx, by, { before: undefined, after: peer, move: 'propose' })
    : peerChanged(tx, by, peer, ['invitation']))
  return peer
}

/** What can be refused without asking the other side is refused here, before anything is written. */
async function checkOffer(tx: Tx<Tables>, us: Us, offer: Offer, now: Date): Promise<void> {
  if (offer.platformId === us.platformId)
    throw new Refusal('PLATFORM_IS_SELF', 'this is an invitation of our own', { next: 'hand it to the other operator' })
  if (offer.expiresAt && offer.expiresAt <= now)
    throw new Refusal('INVITATION_EXPIRED', `the invitation ran out at ${offer.expiresAt.toISOString()}`, {
      next: 'ask the other operator for a new invitation',
    })
  if (offer.window) agree(us.self.window, offer.window)
  if (offer.trustDomain === us.trustDomain)
    throw new Refusal('TRUST_DOMAIN_TAKEN', `${offer.trustDomain} is our own trust domain`)
  if (offer.platformId) await checkNotPeered(tx, offer.platformId)
  const other = offer.trustDomain ? await peers.findByTrustDomain(tx, offer.trustDomain) : undefined
  if (other)
    throw new Refusal('TRUST_DOMAIN_TAKEN', `the trust domain ${offer.trustDomain} belongs to another peer`, {
      next: `fedctl peer show ${other.id}`,
    })
}

/** A new row, or the row of an earlier invitation of theirs that did not come through. */
async function proposedBy(
  tx: Tx<Tables>,
  now: Date,
  { us, offer, name, trustMode, metadata }: Taken,
): Promise<{ proposed: Peer; isNew: boolean }> {
  const pending = offer.platformId ? await peers.lockPendingRedemption(tx, offer.platformId) : undefined
  const said = {
    url: offer.urls[0] ?? '',
    endpoints: offer.urls.map((url, at) => ({ url, scope: 'wan', priority: at, cidrHint: '' }) as const),
    caPin: offer.caPin,
    trustDomain: offer.trustDomain,
    trustMode,
    reason: 'redeeming their invitation',
    updatedAt: now,
  }
  if (pending) {
    const proposed = await peers.save(tx, pending, { ...pending, ...said, name: name || pending.name })
    return { proposed, isNew: false }
  }
  const peer: Peer = {
    ...NOTHING_SAID,
    ...NOT_YET,
    ...said,
    id: newId(now),
    name: name || printable(offer.platformName, 128),
    state: 'proposed',
    since: now,
    kind: 'platform',
    spawnMode: 'out_of_band',
    spawnRole: 'symmetric',
    weRedeem: true,
    platformId: offer.platformId,
    identityKey: offer.identityKey,
    previousPeerId: null,
    parentPeerId: null,
    accountId: null,
    remoteAccountId: null,
    environmentId: null,
    timers: us.self.timers,
    metadata,
    createdAt: now,
  }
  await peers.insert(tx, peer)
  return { proposed: peer, isNew: true }
}

async function ourBundle(tx: Tx<Tables>): Promise<Acceptance['trust']> {
  const { bundle } = await platform.read(tx)
  return { case: 'trustBundle', value: envelopeFrom(bundle) }
}

/** The key never leaves this platform; only the request for a certificate does. */
function keepKey(tx: Tx<Tables>, us: Us, peer: Peer, key: Buffer): Promise<Peer> {
  const sealed = us.sealing.seal(key, SEALED.peerCertificateKey(peer.id))
  return peers.save(tx, peer, { ...peer, certificateKeySealed: sealed })
}
