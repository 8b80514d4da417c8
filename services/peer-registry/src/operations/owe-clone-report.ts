import type { Tx } from '@powernode/postgres'
import { fingerprintOf } from '@powernode/identity'
import type { Acceptance } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { CLONE_REPORT_FOR_MS, packClone } from '../clone.ts'
import type { Peer } from '../peer.ts'
import type { Proven } from '../statements.ts'
import * as errands from '../store/errands.ts'
import type { Tables } from '../store/tables.ts'

/**
 * Somebody showed the spent invitation of a machine that we made, with another key: spawn-provisioner has to hear of it,
 * and does as soon as it is there. Of many that come at once, one is told of: one is enough to raise the alarm.
 */
export async function oweCloneReport(
  tx: Tx<Tables>,
  now: Date,
  { peer, acceptance, sourceAddress }: { peer: Peer; acceptance: Proven<Acceptance>; sourceAddress: string },
): Promise<void> {
  await errands.put(tx, {
    peerId: peer.id,
    kind: 'report_clone',
    statement: packClone({ identityFingerprint: fingerprintOf(acceptance.by.identityKey), sourceAddress }),
    tokenSealed: null,
    tokenDigest: null,
    expiresAt: new Date(now.getTime() + CLONE_REPORT_FOR_MS),
    attempts: 0,
    nextAttemptAt: now,
    lastError: '',
    createdAt: now,
  })
}
