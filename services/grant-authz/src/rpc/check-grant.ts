import type { ServiceImpl } from '@connectrpc/connect'
import {
  AXES,
  decideWithGrant,
  type AccessRequest,
  type Policy,
  type PolicyGrant,
  type Verdict,
} from '@powernode/policy'
import type { CheckGrantRequest, GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { readPolicyOf } from '../feed/policy.ts'
import { grantNotFound } from '../grant-refusals.ts'
import { isUuid } from '../uuid.ts'
import { look } from './door.ts'
import { dateOf, peerOf, type GrantDeps } from './grant-door.ts'

/** As many verdicts as fit into an answer; the decisive ones come first. */
const SHOWN = 1_000

/**
 * What a gateway would decide about a call, by the same function over the same rows. Changes nothing, writes nothing.
 *
 * Who the caller is, is taken as given: that it is the peer, with an identity the grant is bound to.
 */
export const checkHandlers = (deps: GrantDeps): Pick<ServiceImpl<typeof GrantAuthzService>, 'checkGrant'> => ({
  async checkGrant(req, { signal }) {
    const { grantId } = req
    if (grantId !== '' && !isUuid(grantId)) throw grantNotFound(grantId)
    const peer = await peerOf(deps, req.peerId, signal)
    const verdicts = await look(deps, async (tx, now) => {
      const at = req.at ? dateOf(req.at, 'at') : now
      const wanted = { peerId: req.peerId, grantId: grantId === '' ? undefined : grantId }
      const { policy, grants } = await readPolicyOf(tx, wanted)
      if (grantId !== '' && grants.length === 0) throw grantNotFound(grantId)
      return grants.map((grant) => verdictOf(policy, { req, peer, grant }, at.getTime()))
    })
    const sorted = verdicts.toSorted((one, other) => cameHowFar(other) - cameHowFar(one))
    const best = sorted[0]
    return {
      allowed: best?.allowed ?? false,
      grantId: best?.grantId ?? '',
      verdicts: sorted.slice(0, SHOWN).map(({ grantId: id, allowed, reason, axis, detail }) => ({
        grantId: id,
        allowed,
        reason,
        axis,
        detail,
      })),
    }
  },
})

type Shown = Pick<Verdict, 'allowed' | 'axis' | 'detail' | 'grantId'> & { readonly reason: string }

/** The door looks at the peer before anything is decided about its call. */
const CLOSED: Readonly<Partial<Record<PeerState, { readonly reason: string; readonly detail: string }>>> = {
  [PeerState.PROPOSED]: { reason: 'PEER_NOT_ENROLLED', detail: 'the peer is not enrolled yet' },
  [PeerState.ACCEPTED]: { reason: 'PEER_NOT_ENROLLED', detail: 'the peer is not enrolled yet' },
  [PeerState.SUSPENDED]: { reason: 'PEER_SUSPENDED', detail: 'the peering is suspended' },
  [PeerState.REVOKED]: { reason: 'PEER_REVOKED', detail: 'the peering is revoked for good' },
}

function verdictOf(
  policy: Policy,
  { req, peer, grant }: { req: CheckGrantRequest; peer: Peer; grant: PolicyGrant },
  atMs: number,
): Shown {
  const closed = CLOSED[peer.state]
  if (closed) return { ...closed, allowed: false, axis: 'peer', grantId: grant.id }
  return decideWithGrant(policy, requestFrom(req, peer, grant), grant, atMs)
}

const X5T = 'x5t#S256:'
/** Stands for the identity of the peer's enrolment where a grant is bound to none of its own. */
const ENROLLED = 'spiffe://enrolled/identity'

function requestFrom(req: CheckGrantRequest, peer: Peer, { boundIdentities }: PolicyGrant): AccessRequest {
  const [bound = ENROLLED] = boundIdentities
  const isCertificate = bound.startsWith(X5T)
  return {
    peerId: req.peerId,
    enrolledIdentity: ENROLLED,
    presentedIdentity: isCertificate ? ENROLLED : bound,
    certificateSha256: isCertificate ? bound.slice(X5T.length) : '',
    bearer: undefined,
    kind: req.resourceKind,
    id: req.resourceId,
    scope: req.scope,
    nodeInstanceId: req.nodeInstanceId,
    sdwanNetworkId: req.sdwanNetworkId,
    sourceAddress: req.sourceAddress,
    declaredResidency: peer.dataResidency,
  }
}

/** How far a grant came on the way to being allowed: the axes are looked at in their order. */
const cameHowFar = ({ allowed, axis }: Shown): number => (allowed || axis === '' ? AXES.length : AXES.indexOf(axis))
