import type { GatedAct } from '@powernode/approvals'
import type { Tx } from '@powernode/postgres'
import {
  AcceptInvitationRequestSchema,
  type AcceptInvitationRequest,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { readOffer, type Offer } from '../../offer.ts'
import { acceptInvitation } from '../../operations/accept-invitation.ts'
import { takeHeldInvitation } from '../../operations/hold-invitation.ts'
import type { Peer } from '../../peer.ts'
import type { Tables } from '../../store/tables.ts'
import { printable } from '../../text.ts'
import { trustModeOf } from '../../wire-words.ts'
import type { Asked } from './asked.ts'

export const ACCEPT = 'sdwan.federation_peer_accept'

/** We take up an invitation of another platform. */
export function accept(tx: Tx<Tables>, now: Date, { us, by, req }: Asked<AcceptInvitationRequest>): Promise<Peer> {
  return acceptInvitation(tx, now, {
    us,
    by,
    offer: readOffer(req),
    name: req.name,
    trustMode: trustModeOf(req),
    metadata: req.metadata ?? {},
  })
}

/** The same once it is approved: the plan has only the digest of the invitation, which was held here meanwhile. */
export async function acceptHeld(
  tx: Tx<Tables>,
  now: Date,
  { planSha256, ...asked }: Asked<AcceptInvitationRequest> & { readonly planSha256: Buffer },
): Promise<void> {
  const { us, by, req } = asked
  const key = { planSha256, requestedBy: by.actor }
  const invitation = await takeHeldInvitation(tx, { us, key, inPlan: req.invitation })
  await accept(tx, now, { us, by, req: { ...req, invitation } })
}

/** What can be refused without asking anybody is refused before somebody is asked: `rehearse` does it and keeps nothing. */
export function accepting(
  req: AcceptInvitationRequest,
  { rehearse, hold }: { rehearse: () => Promise<unknown>; hold: NonNullable<GatedAct<never>['hold']> },
): GatedAct<typeof AcceptInvitationRequestSchema> {
  const offer = readOffer(req)
  return {
    action: ACCEPT,
    schema: AcceptInvitationRequestSchema,
    request: req,
    summary: `take up the invitation of ${inviter(offer)}`,
    effects: async () => {
      await rehearse()
      return [
        `a peering with ${inviter(offer)} begins, at ${offer.urls.join(', ')}`,
        'who we are, how to reach us and our trust bundle are told to them',
        ...(trustModeOf(req) === 'hierarchical' ? [UNDER_THEM] : []),
      ]
    },
    hold,
  }
}

export const UNDER_THEM = 'they sign for us, and may become our parent: its operators act here then'

/** Who made an invitation, as far as it says. */
export function inviter({ platformName, platformId, urls }: Offer): string {
  const name = printable(platformName, 128)
  return platformId === null ? `whoever answers at ${urls[0] ?? ''}` : name ? `${name} (${platformId})` : platformId
}
