import { append } from '@powernode/events'
import { mintBearer } from '@powernode/policy'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { SEALED, type Sealing } from '../../bearer-seal.ts'
import { MANAGED_CHILD_OPERATOR } from '../../default-policy.ts'
import { grantIssued, type Cause } from '../../events.ts'
import { grantExists } from '../../grant-refusals.ts'
import { issue, type Grant, type Wanted } from '../../grant.ts'
import type { Settings } from '../../settings.ts'
import * as sweeps from '../../store/grant-sweeps.ts'
import * as grants from '../../store/grants.ts'
import * as notices from '../../store/notices.ts'
import * as peers from '../../store/peers.ts'
import * as settings from '../../store/settings.ts'
import type { GrantTx } from '../../store/tables.ts'

type Said = Omit<Wanted, 'id' | 'secretSha256' | 'issuedBy' | 'ttlMs'> & {
  /** Undefined: as long as the platform gives by default. */
  readonly ttlMs: number | undefined
  /** Whether grant and bearer are handed to the peer's platform as well. */
  readonly deliver: boolean
  readonly sealing: Sealing
  readonly cause: Cause
}

/**
 * A peer is given a grant. The bearer is in the answer; at rest there is its SHA-256, and sealed, until it has arrived,
 * what is to be delivered.
 *
 * Under the peer's lock, so that nothing is given to a peer that is just ending, and of twenty who give the same one does.
 * What expired unnoticed makes room. Heard by audit-ledger.
 */
export async function createGrant(
  tx: GrantTx,
  now: Date,
  { ttlMs, deliver, sealing, cause, ...wanted }: Said,
): Promise<{ readonly grant: Grant; readonly bearer: string }> {
  const peer = await peers.lock(tx, wanted.peerId)
  if (peer.revokedAt) throw peerIsOver(peer.id)
  const limits = await settings.read(tx)
  await makeRoom(tx, now, wanted)

  const id = newId(now)
  const { bearer, secretSha256 } = mintBearer(id)
  const lasts = ttlMs ?? defaultTtlMs(limits, wanted.resourceKind)
  const grant = issue({ ...wanted, id, secretSha256, issuedBy: cause.actor, ttlMs: lasts }, now, limits)
  await grants.add(tx, grant)
  await append(tx, grantIssued(grant, now, cause))
  if (deliver) {
    const sealedBearer = sealing.seal(Buffer.from(bearer), SEALED.issued(id))
    await notices.oweBearer(tx, now, { grant, sealedBearer, cause })
  }
  return { grant, bearer }
}

async function makeRoom(tx: GrantTx, now: Date, wanted: Said | Omit<Said, 'ttlMs' | 'deliver' | 'sealing' | 'cause'>) {
  const standing = await grants.unendedLike(tx, wanted)
  if (!standing) return
  if (standing.expiresAt > now) throw grantExists(standing)
  await sweeps.close(tx, standing)
}

const defaultTtlMs = ({ defaultTtlMs: usual, managedChildTtlMs }: Settings, kind: string): number =>
  kind === MANAGED_CHILD_OPERATOR ? managedChildTtlMs : usual

export const peerIsOver = (peerId: string): Refusal =>
  new Refusal('PEER_REVOKED', 'the peering is revoked for good: nothing is given to it', {
    metadata: { peer_id: peerId },
    next: `fedctl peer show ${peerId}`,
  })
