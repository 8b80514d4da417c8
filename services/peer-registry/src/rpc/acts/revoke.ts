import type { GatedAct } from '@powernode/approvals'
import type { Tx } from '@powernode/postgres'
import { RevokePeerRequestSchema, type RevokePeerRequest } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { revokePeer } from '../../operations/revoke-peer.ts'
import type { Peer } from '../../peer.ts'
import type { Tables } from '../../store/tables.ts'
import type { Asked } from './asked.ts'

export const REVOKE = 'sdwan.federation_peer_revoke'

/** A peering ends, for good. */
export function revoke(
  tx: Tx<Tables>,
  now: Date,
  { us, by, req }: Asked<RevokePeerRequest>,
): Promise<{ peer: Peer; effects: readonly string[] }> {
  return revokePeer(tx, now, { us, by, peerId: req.peerId, reason: req.reason })
}

/** What it would end is found out by a rehearsal, for approvers to read. */
export const revoking = (
  req: RevokePeerRequest,
  { rehearse }: { rehearse: () => Promise<readonly string[]> },
): GatedAct<typeof RevokePeerRequestSchema> => ({
  action: REVOKE,
  schema: RevokePeerRequestSchema,
  request: req,
  summary: `revoke the peer ${req.peerId}${req.reason ? `: ${req.reason}` : ''}`,
  effects: rehearse,
  peerId: req.peerId,
})
