import type { GatedAct } from '@powernode/approvals'
import type { Tx } from '@powernode/postgres'
import {
  AdoptPeerRequestSchema,
  EmancipatePeerRequestSchema,
  type AdoptPeerRequest,
  type EmancipatePeerRequest,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { adoptPeer, emancipatePeer } from '../../operations/change-relationship.ts'
import type { Tables } from '../../store/tables.ts'
import type { Asked } from './asked.ts'

export const EMANCIPATE = 'federation.peer_emancipate'
export const ADOPT = 'federation.peer_adopt'

type Effects = { readonly rehearse: () => Promise<readonly string[]> }

/** A managed child is managed no longer. */
export const emancipate = (tx: Tx<Tables>, now: Date, { us, by, req }: Asked<EmancipatePeerRequest>) =>
  emancipatePeer(tx, now, { us, by, peerId: req.peerId, reason: req.reason })

export const emancipating = (
  req: EmancipatePeerRequest,
  { rehearse }: Effects,
): GatedAct<typeof EmancipatePeerRequestSchema> => ({
  action: EMANCIPATE,
  schema: EmancipatePeerRequestSchema,
  request: req,
  summary: `end the management of the child ${req.peerId}${req.reason ? `: ${req.reason}` : ''}`,
  effects: rehearse,
  peerId: req.peerId,
})

/** We agree to be, or to have, a managed child. */
export const adopt = (tx: Tx<Tables>, now: Date, { us, by, req }: Asked<AdoptPeerRequest>) =>
  adoptPeer(tx, now, { us, by, peerId: req.peerId, as: req.as === 'parent' ? 'parent' : 'child', reason: req.reason })

export const adopting = (req: AdoptPeerRequest, { rehearse }: Effects): GatedAct<typeof AdoptPeerRequestSchema> => ({
  action: ADOPT,
  schema: AdoptPeerRequestSchema,
  request: req,
  summary: `agree to be the ${req.as} of the peer ${req.peerId}${req.reason ? `: ${req.reason}` : ''}`,
  effects: rehearse,
  peerId: req.peerId,
})
