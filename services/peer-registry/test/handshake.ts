import { create } from '@bufbuild/protobuf'
import {
  AcceptRequestSchema,
  type AcceptRequest,
  type AcceptResponse,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { Errand, ErrandKind } from '../src/errand.ts'
import { DAY_MS } from '../src/invitation.ts'
import { readOffer } from '../src/offer.ts'
import { acceptInvitation } from '../src/operations/accept-invitation.ts'
import { createInvitation, type Minted } from '../src/operations/create-invitation.ts'
import { proposePeer, type Proposal } from '../src/operations/propose-peer.ts'
import { redeemInvitation, type Redemption } from '../src/operations/redeem-invitation.ts'
import { storeAgreement } from '../src/operations/store-agreement.ts'
import type { Peer, TrustMode } from '../src/peer.ts'
import { SEALED } from '../src/secrets.ts'
import { envelopeFrom } from '../src/statements.ts'
import * as errands from '../src/store/errands.ts'
import * as peers from '../src/store/peers.ts'
import { BY, type TestPlatform } from './platform.ts'

export const peerOn = ({ act }: TestPlatform, id: string): Promise<Peer> => act((tx) => peers.lock(tx, id))

export const propose = ({ act, us }: TestPlatform, said: Partial<Proposal> = {}): Promise<Peer> =>
  act((tx, now) => proposePeer(tx, now, { ...PROPOSAL, us, by: BY, ...said }))

const PROPOSAL: Omit<Proposal, 'us' | 'by'> = {
  url: '',
  name: '',
  kind: 'platform',
  spawnRole: 'symmetric',
  spawnMode: 'out_of_band',
  parentPeerId: null,
  accountId: null,
  remoteAccountId: null,
  environmentId: null,
  prefixAdvertisement: '',
  metadata: {},
  platformId: null,
  previousPeerId: null,
}

export const invite = ({ act, us }: TestPlatform, peerId: string, ttlMs = DAY_MS): Promise<Minted> =>
  act((tx, now) => createInvitation(tx, now, { us, by: BY, peerId, name: '', note: '', ttlMs }))

/** An operator pastes an invitation. */
export const take = (
  { act, us }: TestPlatform,
  invitation: string,
  said: { name?: string; trustMode?: TrustMode; url?: string; caPin?: string } = {},
): Promise<Peer> =>
  act((tx, now) =>
    acceptInvitation(tx, now, {
      us,
      by: BY,
      offer: readOffer({ invitation, url: said.url ?? '', caPin: said.caPin ?? '' }),
      name: said.name ?? '',
      trustMode: said.trustMode ?? 'symmetric',
      metadata: {},
    }),
  )

export async function owed({ act }: TestPlatform, peerId: string, kind: ErrandKind): Promise<Errand> {
  const errand = await act((tx) => errands.find(tx, peerId, kind))
  if (!errand) throw new Error(`no errand ${kind} for ${peerId}`)
  return errand
}

/** What the redeemer's gateway would say to the inviter's. */
export async function redemption({ us, ...b }: TestPlatform, peerId: string): Promise<AcceptRequest> {
  const { tokenSealed, statement } = await owed({ us, ...b }, peerId, 'redeem')
  return create(AcceptRequestSchema, {
    acceptanceToken: us.sealing.open(tokenSealed!, SEALED.acceptanceToken(peerId)).toString('utf8'),
    acceptance: envelopeFrom(statement!),
  })
}

export const redeem = async (of: TestPlatform, request: AcceptRequest): Promise<AcceptResponse> => {
  const redemption = await redeemed(of, request)
  if ('refused' in redemption) throw redemption.refused
  return redemption.answer
}

export const redeemed = ({ act, us }: TestPlatform, request: AcceptRequest): Promise<Redemption> =>
  act((tx, now) =>
    redeemInvitation(tx, now, { us, by: { actor: 'service/federation-gateway' }, request, sourceAddress: '192.0.2.7' }),
  )

export const store = ({ act, us }: TestPlatform, errand: Errand, answer: AcceptResponse): Promise<Peer> =>
  act((tx, now) => storeAgreement(tx, now, { us, by: BY, errand, answer }))

/** Two platforms become peers; what each calls the other. */
export async function federate(
  a: TestPlatform,
  b: TestPlatform,
  { trustMode = 'symmetric', ...said }: Partial<Proposal> & { trustMode?: TrustMode } = {},
): Promise<{ onA: string; onB: string }> {
  const { id: onA } = await propose(a, said)
  const { text } = await invite(a, onA)
  const { id: onB } = await take(b, text, { trustMode })
  const answer = await redeem(a, await redemption(b, onB))
  await store(b, await owed(b, onB, 'redeem'), answer)
  return { onA, onB }
}
