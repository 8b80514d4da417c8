import { create } from '@bufbuild/protobuf'
import { Code, type CallOptions, type Client, type ServiceImpl } from '@connectrpc/connect'
import { EnrollmentSchema, type Enrollment } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { AcceptRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal, refusalOf, requestOf, within } from '@powernode/rpc'
import { redeemInvitation } from '../operations/redeem-invitation.ts'
import type { Peer } from '../peer.ts'
import { act, type RpcDeps } from './door.ts'

export type Spawns = Pick<Client<typeof SpawnService>, 'prepareEnrollment'>

/**
 * An invitation is redeemed. A platform that we made is handed, beside the answer, what belongs to it: made anew by
 * spawn-provisioner each time the same key asks again, and never kept with the answer, because it holds secrets.
 */
export const redeemingHandlers = (
  deps: RpcDeps & { readonly spawns: Spawns },
): Pick<ServiceImpl<typeof PeerRegistryService>, 'redeemInvitation'> => ({
  async redeemInvitation({ accept: request = create(AcceptRequestSchema), sourceAddress }, context) {
    const said = { us: deps.us, by: requestOf(context), request, sourceAddress }
    const redemption = await act(deps, (tx, now) => redeemInvitation(tx, now, said))
    if ('refused' in redemption) throw redemption.refused
    const { answer, peer, isOurChild } = redemption
    if (isOurChild && isJoining(peer)) answer.enrollment = await enrollmentOf(deps.spawns, peer, within(context))
    return { accept: answer }
  },
})

/** Until beats have gone both ways the child may not have heard our answer; afterwards it has, and asks for nothing. */
const isJoining = ({ state }: Peer): boolean => state === 'accepted' || state === 'enrolled'

const PREPARE_MS = 8_000

/** While it cannot be prepared the child is told to ask again; what never can be is a warning, and the accept stands. */
async function enrollmentOf(
  spawns: Spawns,
  { id: peerId, platformId }: Peer,
  options: CallOptions,
): Promise<Enrollment> {
  const timeoutMs = Math.min(PREPARE_MS, options.timeoutMs ?? PREPARE_MS)
  try {
    const { enrollment } = await spawns.prepareEnrollment(
      { peerId, platformId: platformId ?? '' },
      { ...options, timeoutMs },
    )
    return enrollment ?? create(EnrollmentSchema)
  } catch (error) {
    const no = refusalOf(error)
    if (no && !PASSING.has(no.status))
      return create(EnrollmentSchema, { warnings: [`the parent prepared nothing: ${no.reason}: ${no.message}`] })
    throw new Refusal('ENROLLMENT_PENDING', 'the peering stands; what the parent hands over is not prepared yet', {
      metadata: { peer_id: peerId },
      next: 'it is asked for again by itself',
      retryAfterMs: 1_000,
    })
  }
}

const PASSING: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted])
