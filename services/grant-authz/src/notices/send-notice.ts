import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Client } from '@connectrpc/connect'
import { inTransaction } from '@powernode/postgres'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { SEALED } from '../bearer-seal.ts'
import type { OwedNotice } from '../notice.ts'
import * as grants from '../store/grants.ts'
import type { NoticeDeps } from './run-notices.ts'

/** What is asked of the gateway: to carry a notice to a peer. */
export type Border = Pick<Client<typeof FederationService>, 'notifyGrant'>

export const SEND_MS = 10_000

/**
 * Tells a peer how its grant stands now, which may be further on than when the notice was owed.
 *
 * A bearer is opened for this one call, and kept by nobody but the peer.
 */
export async function sendNotice(
  { db, border, sealing }: Pick<NoticeDeps, 'db' | 'border' | 'sealing'>,
  { grantId, peerId, what, sealedBearer }: OwedNotice,
  signal: AbortSignal,
): Promise<void> {
  const grant = await inTransaction(db, (tx) => grants.find(tx, grantId))
  if (!grant) throw new Error(`there is no grant ${grantId} to tell of`)
  const over = grant.revokedAt !== null
  const notice = {
    grantId,
    remoteSubject: grant.remoteSubject,
    resourceKind: grant.resourceKind,
    resourceId: grant.resourceId,
    scopes: [...grant.scopes],
    issuedAt: timestampFromDate(grant.issuedAt),
    expiresAt: timestampFromDate(grant.expiresAt),
    what: over ? 'revoked' : what,
    bearer: sealedBearer && !over ? sealing.open(sealedBearer, SEALED.issued(grantId)).toString() : '',
    revision: BigInt(grant.revision),
    reason: grant.revocationReason,
  }
  await border.notifyGrant({ notice }, { headers: { 'powernode-peer-id': peerId }, signal, timeoutMs: SEND_MS })
}
