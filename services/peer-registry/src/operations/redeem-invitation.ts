import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { signStatement } from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import {
  AcceptResponseSchema,
  AgreementSchema,
  type Acceptance,
  type AcceptRequest,
  type AcceptResponse,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { agree, type Agreed } from '../contract.ts'
import { invitationChanged, peerMoved, type By } from '../events.ts'
import { digestOf, statusOf, type Invitation } from '../invitation.ts'
import { agreeTimers, missingDisclosure, move, type Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import { envelopeBytes, envelopeFrom, openAcceptance, type Proven } from '../statements.ts'
import * as invitations from '../store/invitations.ts'
import * as peers from '../store/peers.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import { checkBundle } from '../trust.ts'
import { descriptionFromWire, descriptionOf, timersFromWire, timersToWire, windowFromWire } from '../wire.ts'
import { nameFor } from './name-peer.ts'
import { checkNotPeered } from './propose-peer.ts'
import { signForPeer } from './sign-peer-certificate.ts'

/**
 * A platform presents our invitation and becomes our peer.
 *
 * Claiming the invitation, moving the peer, signing for it and queueing the news share one transaction, so of many
 * that redeem one invitation at once exactly one wins, and no crash leaves a spent invitation without a peer.
 * The answer is kept: the same key saying the same again, because our answer was lost, gets the same bytes.
 * Heard by grant-authz (default grants), liveness (first beat) and audit-ledger.
 */
export async function redeemInvitation(
  tx: Tx<Tables>,
  now: Date,
  { us, by: call, request }: { us: Us; by: By; request: AcceptRequest },
): Promise<AcceptResponse> {
  const acceptance = openAcceptance(request.acceptance ?? envelopeFrom(new Uint8Array(0)))
  const digest = digestOf(request.acceptanceToken)
  checkAddressed(us, acceptance.said, digest)
  const agreed = agree(us.self.window, windowFromWire(acceptance.by.contractWindow) ?? NO_WINDOW)

  const found = await invitations.findByDigest(tx, digest)
  if (!found) throw new Refusal('INVITATION_UNKNOWN', 'no invitation of this platform has this token', ASK_AGAIN)
  const proposed = await peers.lock(tx, found.peerId)
  const told = openTo(await invitations.lock(tx, found.id), proposed, acceptance, now)
  if ('answer' in told) return fromBinary(AcceptResponseSchema, told.answer)

  const by: By = { ...call, actor: `peer/${proposed.id}` }
  await checkFree(tx, us, proposed, acceptance)
  const named = { ...proposed, name: await nameFor(tx, proposed, acceptance.by) }
  const accepted = move(known(us, named, acceptance, agreed), 'accept', 'the invitation was redeemed', now)
  const peer = await peers.save(tx, proposed, accepted)
  await peerMoved(tx, by, { before: proposed, after: peer, move: 'accept' })
  const { enrolled, chain } = await trustAndEnroll(tx, now, { us, by, peer, acceptance })

  const answer = await agreement(tx, acceptance, { us, peer: enrolled, chain })
  await spend(tx, now, { by, invitation: told.open, acceptance, answer })
  return answer
}

/** The statement must speak of this token, and be meant for us. */
function checkAddressed(us: Us, said: Acceptance, digest: Buffer): void {
  if (!digest.equals(said.tokenSha256))
    throw new Refusal('ACCEPTANCE_INVALID', 'the acceptance was signed for another token')
  if (said.audiencePlatformId !== '' && said.audiencePlatformId !== us.platformId)
    throw new Refusal('INVITATION_FOR_ANOTHER', `this is platform ${us.platformId}, not ${said.audiencePlatformId}`)
}

/**
 * What the invitation is for this redeemer: open, or answered already. Expired and revoked say so: the caller holds the
 * token. An answer is given again only while the peering it began is not over.
 */
function openTo(
  invitation: Invitation,
  peer: Peer,
  { by, digest }: Proven<Acceptance>,
  now: Date,
): { open: Invitation } | { answer: Buffer } {
  const status = statusOf(invitation, now)
  if (status === 'open') return { open: invitation }
  if (status === 'expired')
    throw new Refusal(
      'INVITATION_EXPIRED',
      `the invitation ran out at ${invitation.expiresAt.toISOString()}`,
      ASK_AGAIN,
    )
  if (status === 'revoked') throw new Refusal('INVITATION_REVOKED', 'the invitation was taken back', ASK_AGAIN)
  const { redeemedBy, acceptanceDigest, answer } = invitation
  if (answer && redeemedBy?.equals(by.identityKey) && acceptanceDigest?.equals(digest)) {
    if (peer.state !== 'revoked') return { answer }
    throw new Refusal('PEER_REVOKED', 'the peering that this invitation began has ended', ASK_AGAIN)
  }
  throw new Refusal('INVITATION_SPENT', 'the invitation has been redeemed already', ASK_AGAIN)
}

const ASK_AGAIN = { next: 'ask the other operator for a new invitation' }
const NO_WINDOW = { min: 0, max: 0, features: [] }

/** Nobody may become our peer who is us, is our peer already, or whose trust domain speaks for somebody else. */
async function checkFree(tx: Tx<Tables>, us: Us, proposed: Peer, { by }: Proven<Acceptance>): Promise<void> {
  if (by.platformId === us.platformId)
    throw new Refusal('PLATFORM_IS_SELF', 'a platform cannot redeem its own invitation')
  if (by.trustDomain === us.trustDomain)
    throw new Refusal('TRUST_DOMAIN_TAKEN', `${by.trustDomain} is our own trust domain`)
  if (proposed.platformId !== null && proposed.platformId !== by.platformId)
    throw new Refusal('INVITATION_FOR_ANOTHER', 'this invitation is for another platform only')
  await checkNotPeered(tx, by.platformId)
}

/** The peer with what it says of itself and what was agreed. */
function known(us: Us, proposed: Peer, { said, by }: Proven<Acceptance>, agreed: Agreed): Peer {
  return {
    ...proposed,
    ...descriptionFromWire(by),
    platformId: by.platformId,
    identityKey: Buffer.from(by.identityKey),
    trustDomain: by.trustDomain,
    url: proposed.url || by.endpoints[0]?.url || '',
    remotePeerId: said.peerId,
    contractVersion: agreed.version,
    contractWindow: windowFromWire(by.contractWindow) ?? null,
    features: agreed.features,
    timers: agreeTimers(us.self.timers, timersFromWire(said.timers)),
  }
}

/** Takes their CA or signs for them, one of both, and enrolls the peer if nothing is missing. */
async function trustAndEnroll(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peer, acceptance }: { us: Us; by: By; peer: Peer; acceptance: Proven<Acceptance> },
): Promise<{ enrolled: Peer; chain: readonly Buffer[] }> {
  const { trust } = acceptance.said
  if (peer.kind === 'sdwan_only') return { enrolled: peer, chain: [] }
  if (trust.case === undefined)
    throw new Refusal(
      'TRUST_MATERIAL_MISSING',
      'the acceptance carries neither a trust bundle nor a certificate request',
      {
        next: 'send a trust bundle (symmetric trust) or a certificate request (hierarchical trust)',
      },
    )
  const { trusted, chain } =
    trust.case === 'csrDer'
      ? await signed(tx, now, { us, by, peer, csrDer: trust.value })
      : { trusted: withBundle(peer, acceptance, now), chain: [] }
  const saved = await peers.save(tx, peer, trusted)
  return { enrolled: await enrollIfDisclosed(tx, now, by, saved), chain }
}

function withBundle(peer: Peer, { said, by }: Proven<Acceptance>, now: Date): Peer {
  const envelope = said.trust.case === 'trustBundle' ? said.trust.value : undefined
  const bundle = checkBundle(envelope, by, now)
  return {
    ...peer,
    trustMode: 'symmetric',
    trustBundle: envelope ? envelopeBytes(envelope) : null,
    trustBundleSequence: Number(bundle.sequence),
  }
}

/** Hierarchical: the only roots that vouch for the peer are ours. */
async function signed(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peer, csrDer }: { us: Us; by: By; peer: Peer; csrDer: Uint8Array },
): Promise<{ trusted: Peer; chain: readonly Buffer[] }> {
  const chain = await signForPeer(tx, now, { us, by, peer, csrDer })
  const { bundle } = await platform.read(tx)
  return { trusted: { ...peer, trustMode: 'hierarchical', trustBundle: bundle }, chain }
}

/** A peer that has disclosed who stands behind it goes on; any other stays accepted, and says what is missing. */
export async function enrollIfDisclosed(tx: Tx<Tables>, now: Date, by: By, peer: Peer): Promise<Peer> {
  if (peer.state !== 'accepted' || peer.kind !== 'platform' || missingDisclosure(peer.disclosure).length > 0)
    return peer
  const enrolled = await peers.save(tx, peer, move(peer, 'enroll', 'trust is exchanged; no heartbeat yet', now))
  await peerMoved(tx, by, { before: peer, after: enrolled, move: 'enroll' })
  return enrolled
}

async function agreement(
  tx: Tx<Tables>,
  acceptance: Proven<Acceptance>,
  { us, peer, chain }: { us: Us; peer: Peer; chain: readonly Buffer[] },
): Promise<AcceptResponse> {
  const { bundle } = await platform.read(tx)
  const said = create(AgreementSchema, {
    peerId: peer.id,
    remotePeerId: acceptance.said.peerId,
    acceptanceSha256: acceptance.digest,
    contractVersion: peer.contractVersion ?? 0,
    features: [...peer.features],
    platform: descriptionOf(us),
    trustBundle: envelopeFrom(bundle),
    certificateChain: chain.map((der) => Uint8Array.from(der)),
    timers: timersToWire(peer.timers),
    ...(peer.acceptedAt && { acceptedAt: timestampFromDate(peer.acceptedAt) }),
    spawnRole: peer.spawnRole,
    spawnMode: peer.spawnMode,
    openItems: missingDisclosure(peer.disclosure).map((part) => `disclosure: ${part} is missing`),
  })
  return create(AcceptResponseSchema, { agreement: signStatement(AgreementSchema, said, us.key) })
}

async function spend(
  tx: Tx<Tables>,
  now: Date,
  said: { by: By; invitation: Invitation; acceptance: Proven<Acceptance>; answer: AcceptResponse },
): Promise<void> {
  const spent: Invitation = {
    ...said.invitation,
    redeemedAt: now,
    redeemedBy: Buffer.from(said.acceptance.by.identityKey),
    acceptanceDigest: said.acceptance.digest,
    answer: Buffer.from(toBinary(AcceptResponseSchema, said.answer)),
  }
  await invitations.save(tx, spent)
  await invitationChanged(tx, said.by, { invitation: spent, word: 'redeemed', at: now })
}
