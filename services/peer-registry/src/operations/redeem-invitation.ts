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
import { envelopeFrom, openAcceptance, type Proven } from '../statements.ts'
import * as invitations from '../store/invitations.ts'
import * as peers from '../store/peers.ts'
import * as platform from '../store/platform.ts'
import * as spawnedChildren from '../store/spawned-children.ts'
import type { Tables } from '../store/tables.ts'
import {
  descriptionFromWire,
  descriptionOf,
  timersFromWire,
  timersToWire,
  windowFromWire,
} from '../wire-description.ts'
import { nameFor } from './name-peer.ts'
import { oweCloneReport } from './owe-clone-report.ts'
import { checkNotPeered } from './propose-peer.ts'
import { standByVersion } from './stand-by-version.ts'
import { trustAndEnroll } from './trust-and-enroll.ts'

/** What became of it: the answer, or the no that is kept with what follows from it. */
export type Redemption =
  | {
      readonly answer: AcceptResponse
      readonly peer: Peer
      /** A platform that we made, which is handed what belongs to it beside the answer. */
      readonly isOurChild: boolean
    }
  | { readonly refused: Refusal }

/**
 * A platform presents our invitation and becomes our peer.
 *
 * Claiming the invitation, moving the peer, signing for it and queueing the news share one transaction, so of many
 * that redeem one invitation at once exactly one wins, and no crash leaves a spent invitation without a peer.
 * The answer is kept: the same key saying the same again, because our answer was lost, gets the same bytes. Another key
 * on the invitation of a machine that we made is a second machine with one payload: spawn-provisioner is told of it.
 * Heard by grant-authz (default grants), liveness (first beat) and audit-ledger.
 */
export async function redeemInvitation(
  tx: Tx<Tables>,
  now: Date,
  { us, by: call, request, sourceAddress }: { us: Us; by: By; request: AcceptRequest; sourceAddress: string },
): Promise<Redemption> {
  const acceptance = openAcceptance(request.acceptance ?? envelopeFrom(new Uint8Array(0)))
  const digest = digestOf(request.acceptanceToken)
  checkAddressed(us, acceptance.said, digest)
  const agreed = agree(us.self.window, windowFromWire(acceptance.by.contractWindow) ?? NO_WINDOW)

  const found = await invitations.findByDigest(tx, digest)
  if (!found) throw new Refusal('INVITATION_UNKNOWN', 'no invitation of this platform has this token', ASK_AGAIN)
  const proposed = await peers.lock(tx, found.peerId)
  const told = openTo(await invitations.lock(tx, found.id), proposed, acceptance, now)
  const isOurChild = (await spawnedChildren.find(tx, proposed.id)) !== undefined
  if ('answer' in told) return { answer: fromBinary(AcceptResponseSchema, told.answer), peer: proposed, isOurChild }
  if ('spentByAnother' in told) {
    if (told.spentByAnother.bootBound) await oweCloneReport(tx, now, { peer: proposed, acceptance, sourceAddress })
    return { refused: spent() }
  }

  const by: By = { ...call, actor: `peer/${proposed.id}` }
  await checkFree(tx, us, proposed, acceptance)
  const named = { ...proposed, name: await nameFor(tx, proposed, acceptance.by) }
  const stood = await standByVersion(tx, now, known(us, named, acceptance, agreed))
  const accepted = move(stood, 'accept', 'the invitation was redeemed', now)
  const peer = await peers.save(tx, proposed, accepted)
  await peerMoved(tx, by, { before: proposed, after: peer, move: 'accept' })
  const { enrolled, chain } = await trustAndEnroll(tx, now, { us, by, peer, acceptance })

  const answer = await agreement(tx, acceptance, { us, peer: enrolled, chain })
  await spend(tx, now, { by, invitation: told.open, acceptance, answer })
  return { answer, peer: enrolled, isOurChild }
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
): { open: Invitation } | { answer: Buffer } | { spentByAnother: Invitation } {
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
  if (!redeemedBy?.equals(by.identityKey)) return { spentByAnother: invitation }
  throw spent()
}

const spent = (): Refusal => new Refusal('INVITATION_SPENT', 'the invitation has been redeemed already', ASK_AGAIN)

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

async function agreement(
  tx: Tx<Tables>,
  acceptance: Proven<Acceptance>,
  { us, peer, chain }: { us: Us; peer: Peer; chain: readonly Buffer[] },
): Promise<AcceptResponse> {
  const own = await platform.read(tx)
  const said = create(AgreementSchema, {
    peerId: peer.id,
    remotePeerId: acceptance.said.peerId,
    acceptanceSha256: acceptance.digest,
    contractVersion: peer.contractVersion ?? 0,
    features: [...peer.features],
    platform: descriptionOf(us, own),
    trustBundle: envelopeFrom(own.bundle),
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
  const redeemed: Invitation = {
    ...said.invitation,
    redeemedAt: now,
    redeemedBy: Buffer.from(said.acceptance.by.identityKey),
    acceptanceDigest: said.acceptance.digest,
    answer: Buffer.from(toBinary(AcceptResponseSchema, said.answer)),
  }
  await invitations.save(tx, redeemed)
  await invitationChanged(tx, said.by, { invitation: redeemed, word: 'redeemed', at: now })
}
