import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { signCompromise } from '../notice-statements.ts'
import type { Us } from '../platform.ts'
import * as deliveries from '../store/notice-deliveries.ts'
import * as notices from '../store/notices.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** What a partner is still to be told of our compromises, word for word, the oldest first. */
export async function owedCompromises(
  tx: Tx<Tables>,
  us: Us,
  peerId: string,
): Promise<readonly { readonly noticeId: string; readonly statement: Envelope }[]> {
  const peer = await peers.lock(tx, peerId)
  const owed = await deliveries.lockOwed(tx, peerId, 'compromise')
  const statements = []
  for (const { noticeId } of owed) {
    const notice = await notices.read(tx, noticeId)
    statements.push({ noticeId, statement: signCompromise(us, notice, peer.remotePeerId ?? '') })
  }
  return statements
}
