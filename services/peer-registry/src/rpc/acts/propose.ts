import { clone } from '@bufbuild/protobuf'
import type { GatedAct } from '@powernode/approvals'
import type { Tx } from '@powernode/postgres'
import {
  ProposePeerRequestSchema,
  RepeerPeerRequestSchema,
  type ProposePeerRequest,
  type RepeerPeerRequest,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { DEFAULT_TTL_MS } from '../../invitation.ts'
import { createInvitation, type Minted } from '../../operations/create-invitation.ts'
import { proposePeer } from '../../operations/propose-peer.ts'
import { repeerPeer } from '../../operations/repeer-peer.ts'
import type { Peer } from '../../peer.ts'
import type { Tables } from '../../store/tables.ts'
import { msOf } from '../../wire-description.ts'
import { KINDS, SPAWN_MODES, SPAWN_ROLES, wordOf } from '../../wire-words.ts'
import type { Asked } from './asked.ts'

export const PROPOSE = 'sdwan.federation_peer_propose'

const UNINVITED = 'no invitation is made; make one afterwards: fedctl invite create <peer>'

export type Proposed = { readonly peer: Peer; readonly minted: Minted | undefined }

/** A peering begins. Whoever may have it done at once is given an invitation with it, unless they want none. */
export async function propose(
  tx: Tx<Tables>,
  now: Date,
  { us, by, req }: Asked<ProposePeerRequest>,
): Promise<Proposed> {
  const peer = await proposePeer(tx, now, {
    us,
    by,
    url: req.url,
    name: req.name,
    kind: wordOf(KINDS, req.kind) ?? 'platform',
    spawnRole: wordOf(SPAWN_ROLES, req.spawnRole) ?? 'symmetric',
    spawnMode: wordOf(SPAWN_MODES, req.spawnMode) ?? 'out_of_band',
    parentPeerId: req.parentPeerId || null,
    accountId: req.accountId || null,
    remoteAccountId: req.remoteAccountId || null,
    environmentId: req.environmentId || null,
    prefixAdvertisement: req.prefixAdvertisement,
    metadata: req.metadata ?? {},
    platformId: req.platformId || null,
    previousPeerId: null,
  })
  if (req.withoutInvitation) return { peer, minted: undefined }
  const ttlMs = msOf(req.invitationTtl) ?? DEFAULT_TTL_MS
  const said = { us, by, peerId: peer.id, name: req.invitationName, note: req.note, ttlMs }
  return { peer, minted: await createInvitation(tx, now, said) }
}

/** An invitation is shown once, to whoever has it made: what is carried out later, for somebody else, makes none. */
export function proposing(
  req: ProposePeerRequest,
  { rehearse }: { rehearse: () => Promise<unknown> },
): GatedAct<typeof ProposePeerRequestSchema> {
  const request = clone(ProposePeerRequestSchema, req)
  request.withoutInvitation = true
  const named = req.name || req.url || req.platformId || 'without a name'
  return {
    action: PROPOSE,
    schema: ProposePeerRequestSchema,
    request,
    summary: `propose a peering: ${named}`,
    effects: async () => {
      await rehearse()
      return ['a peer is proposed, on our side only', ...kinshipOf(req), UNINVITED]
    },
    peerId: req.parentPeerId,
  }
}

/** What the two are to be to each other, where that is more than equals who met. */
function kinshipOf(req: ProposePeerRequest): string[] {
  const [mode, role] = [wordOf(SPAWN_MODES, req.spawnMode), wordOf(SPAWN_ROLES, req.spawnRole)]
  if ((mode === undefined || mode === 'out_of_band') && (role === undefined || role === 'symmetric')) return []
  return [
    `the relationship is to be ${mode ?? 'out_of_band'}; ${role === 'parent' || role === 'child' ? `we are the ${role}` : 'as equals'}`,
  ]
}

/** A revoked peering begins anew. */
export async function repeer(tx: Tx<Tables>, now: Date, { us, by, req }: Asked<RepeerPeerRequest>): Promise<Proposed> {
  const invite = { ttlMs: msOf(req.invitationTtl) ?? DEFAULT_TTL_MS, note: req.note }
  return repeerPeer(tx, now, { us, by, peerId: req.peerId, invite: req.withoutInvitation ? undefined : invite })
}

/** It falls under the policy of proposing: otherwise a peering that was ended could be begun again past it. */
export function repeering(
  req: RepeerPeerRequest,
  { rehearse }: { rehearse: () => Promise<unknown> },
): GatedAct<typeof RepeerPeerRequestSchema> {
  const request = clone(RepeerPeerRequestSchema, req)
  request.withoutInvitation = true
  return {
    action: PROPOSE,
    schema: RepeerPeerRequestSchema,
    request,
    summary: `begin the revoked peering ${req.peerId} anew`,
    effects: async () => {
      await rehearse()
      return [
        'a new peer is proposed, linked to the old one; only that platform can redeem an invitation for it',
        UNINVITED,
      ]
    },
    peerId: req.peerId,
  }
}
