import type { Clock } from '@powernode/clock'
import { Refusal } from '@powernode/rpc'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { divergence } from '../peers/by-version.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import type { Identity } from './identity.ts'
import type { Visit } from './visit.ts'

/** The contract version that the package powernode.federation.v1 is. */
export const CONTRACT_VERSION = 1

const { ACCEPTED, ENROLLED, ACTIVE, DEGRADED, SUSPENDED, REVOKED } = PeerState
const REACHABLE = [ENROLLED, ACTIVE, DEGRADED] as const

/**
 * In which states a peer may call what. A method without a row does not compile; a state not listed is refused.
 * `anybody`: the request itself carries what admits it. Accepted peers may beat, because a disclosure that was missing
 * travels with the beats. A peering may be ended by the other side whatever we think of it, and who did not hear our answer may
 * ask for the same receipt again (it ends nothing twice); a warning that it was broken into is heard. A road between the networks
 * is for those alone who have been heard.
 */
export const ADMITTED: Readonly<Record<keyof typeof FederationService.method, 'anybody' | readonly PeerState[]>> = {
  accept: 'anybody',
  heartbeat: [ACCEPTED, ...REACHABLE],
  getTrustBundle: REACHABLE,
  publishTrustBundle: REACHABLE,
  renewCertificate: REACHABLE,
  notifyRevocation: [ACCEPTED, ...REACHABLE, SUSPENDED, REVOKED],
  notifyCompromise: [ACCEPTED, ...REACHABLE, SUSPENDED],
  diagnose: [ACCEPTED, ...REACHABLE],
  listResources: REACHABLE,
  getResource: REACHABLE,
  updateResource: REACHABLE,
  watchResources: REACHABLE,
  checkAccess: REACHABLE,
  notifyGrant: REACHABLE,
  notifyRelationship: REACHABLE,
  addCheckpoint: REACHABLE,
  addEntries: REACHABLE,
  readMirror: REACHABLE,
  listAuditExcerpts: REACHABLE,
  getReceipt: REACHABLE,
  enrollNode: REACHABLE,
  attendMember: REACHABLE,
  exchangeOverlay: [ACTIVE, DEGRADED],
}

/** The states in which a peer may ask what is served here: reflection and health. */
export const CURRENT_STATES: readonly PeerState[] = [ACCEPTED, ...REACHABLE]

/**
 * Which peer calls, and whether a peer in its state may: as things stand at this very moment.
 *
 * Whoever shows nothing is told so before anything else; after that, nothing is said about anybody while our lease on
 * the peers has run out, since what we hold may be out of date.
 */
export function peerAdmitted(identity: Identity, table: PeerTable, states: readonly PeerState[], now: Date): PeerRoute {
  if (identity.kind === 'nobody') throw certificateRequired()
  if (!table.fresh) throw policyStale()
  if (identity.kind === 'untrusted') throw certificateNotTrusted(identity.why)
  if (now > identity.notAfter) throw certificateNotTrusted('it has ended while the connection was open')
  if (identity.kind === 'own')
    throw new Refusal('CALLER_NOT_ALLOWED', 'this call is for peers, not for this platform itself')
  const peer = table.bySpiffeId(identity.spiffeId)
  if (!peer) throw new Refusal('PEER_UNKNOWN', 'your certificate is in order, but no peering here knows it')
  if (!states.includes(peer.state)) throw refusalOfState(peer)
  return peer
}

/** Whether the peer that a call was admitted for would be admitted again, for what goes on for longer than one word. */
export function stillAdmitted(table: PeerTable, clock: Clock): (visit: Visit) => PeerRoute {
  return ({ visitor, peer }) => {
    const found = peerAdmitted(visitor.identity, table, REACHABLE, clock.now())
    const objection = divergence(found)
    if (objection) throw objection
    if (found.peerId === peer?.peerId) return found
    throw new Refusal('PEER_UNKNOWN', 'your certificate is in order, but it stands for another peering by now')
  }
}

/** Whether the peer calls by the contract that was agreed with it. */
export function checkContract({ contractVersion }: PeerRoute): void {
  if (contractVersion === CONTRACT_VERSION) return
  throw new Refusal(
    'CONTRACT_VERSION_UNSUPPORTED',
    `contract version ${contractVersion} was agreed, not ${CONTRACT_VERSION}`,
    {
      metadata: { agreed: String(contractVersion), called: String(CONTRACT_VERSION) },
      next: `call powernode.federation.v${contractVersion}`,
    },
  )
}

/** Reflection and health: for whoever we know, peers and people of this platform alike. */
export function checkAcquainted(identity: Identity, table: PeerTable, now: Date): PeerRoute | undefined {
  if (identity.kind === 'own' && now <= identity.notAfter) return undefined
  return peerAdmitted(identity, table, CURRENT_STATES, now)
}

function refusalOfState({ state }: PeerRoute): Refusal {
  switch (state) {
    case PeerState.SUSPENDED:
      return new Refusal('PEER_SUSPENDED', 'this peering is suspended here; their operators can resume it')
    case PeerState.REVOKED:
      return new Refusal('PEER_REVOKED', 'this peering was revoked here, for good', {
        next: 'ask their operators for a new invitation',
      })
    default:
      return new Refusal('PEER_NOT_ENROLLED', 'this peering was not enrolled here yet', {
        next: 'see what it waits for: fedctl peer show',
      })
  }
}

function certificateRequired(): Refusal {
  return new Refusal('CERTIFICATE_REQUIRED', 'only Accept can be called without a client certificate')
}

function certificateNotTrusted(why: string): Refusal {
  return new Refusal('CERTIFICATE_NOT_TRUSTED', `your client certificate is not trusted here: ${why}`, {
    next: 'send the trust domain of the certificate as TLS server name; make sure the peering exists on this side',
  })
}

export function policyStale(): Refusal {
  return new Refusal('POLICY_STALE', 'the registry of peers has not been heard for longer than its lease', {
    retryAfterMs: 1_000,
  })
}
