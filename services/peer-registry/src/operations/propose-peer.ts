import { newId, type Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { NOTHING_SAID } from '../description.ts'
import { peerMoved, type By } from '../events.ts'
import type { Peer, PeerKind, SpawnMode, SpawnRole } from '../peer.ts'
import type { Us } from '../platform.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { checkPeerUrl } from '../url.ts'

export type Proposal = {
  readonly us: Us
  readonly by: By
  readonly url: string
  readonly name: string
  readonly kind: PeerKind
  readonly spawnRole: SpawnRole
  readonly spawnMode: SpawnMode
  readonly parentPeerId: string | null
  readonly accountId: string | null
  readonly remoteAccountId: string | null
  readonly environmentId: string | null
  readonly prefixAdvertisement: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** Only this platform may redeem; null when anybody who holds an invitation may. */
  readonly platformId: string | null
  readonly previousPeerId: string | null
}

/**
 * A peering begins, on our side only: nobody is contacted.
 *
 * Heard by audit-ledger. What the peer says of itself is unknown until it redeems an invitation.
 */
export async function proposePeer(tx: Tx<Tables>, now: Date, said: Proposal): Promise<Peer> {
  const { us, by, url, ...rest } = said
  if (said.platformId === us.platformId) throw new Refusal('PLATFORM_IS_SELF', 'a platform cannot be a peer of itself')
  if (said.platformId) await checkNotPeered(tx, said.platformId)
  if (said.parentPeerId) await peers.lock(tx, said.parentPeerId)
  const peer: Peer = {
    ...NOTHING_SAID,
    ...rest,
    ...NOT_YET,
    id: newId(now),
    url: url === '' ? '' : checkPeerUrl(url),
    state: 'proposed',
    reason: 'proposed by us; the invitation waits to be redeemed',
    since: now,
    weRedeem: false,
    timers: us.self.timers,
    createdAt: now,
    updatedAt: now,
  }
  await peers.insert(tx, peer)
  await peerMoved(tx, by, { before: undefined, after: peer, move: 'propose' })
  return peer
}

/** What no peer has before the handshake. */
export const NOT_YET = {
  suspendedFrom: null,
  trustMode: null,
  identityKey: null,
  trustDomain: null,
  caPin: null,
  trustBundle: null,
  trustBundleSequence: 0,
  acknowledgedBundleSequence: 0,
  trustReceipt: null,
  certificateChain: [],
  certificateKeySealed: null,
  certificateExpiresAt: null,
  remotePeerId: null,
  remoteInstanceId: null,
  contractVersion: null,
  contractWindow: null,
  features: [],
  acceptedAt: null,
  enrolledAt: null,
  revokedAt: null,
  notifiedAt: null,
  adoptionOffered: null,
  adoptionOfferedByPeer: null,
  relationshipSequence: 0,
  peerRelationshipSequence: 0,
  versionStatus: '',
  refusedKinds: [],
  revision: 1,
} as const satisfies Partial<Peer>

export async function checkNotPeered(tx: Tx<Tables>, platformId: string): Promise<void> {
  const live = await peers.lockByPlatform(tx, platformId)
  if (live)
    throw new Refusal('PLATFORM_ALREADY_PEERED', `platform ${platformId} is our peer already, and ${live.state}`, {
      metadata: { peer_id: live.id, state: live.state },
      next: `fedctl peer show ${live.id}`,
    })
}
