import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import type { Us } from '../platform.ts'
import { openNotice } from '../statements.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { endPeer } from './revoke-peer.ts'

/** The other side has ended the peering, and proves it: it ends here too, and nothing is owed to them. */
export async function receiveRevocation(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, notice }: { us: Us; by: By; peerId: string; notice: Envelope },
): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  if (peer.state === 'revoked') return
  const { platformId, peerId: meant, reason } = openNotice(notice, peer.identityKey ?? Buffer.alloc(0))
  if (platformId !== peer.platformId || meant !== peer.id)
    throw new Refusal('SIGNATURE_INVALID', 'the revocation notice is about another peering')
  await endPeer(tx, now, {
    us,
    by: { ...by, actor: `peer/${peer.id}` },
    peer,
    reason: `the other side ended the peering${reason ? `: ${reason}` : ''}`,
  })
}
