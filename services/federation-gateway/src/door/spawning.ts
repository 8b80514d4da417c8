import type { Client } from '@connectrpc/connect'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { attendMember, type MemberParts } from './attend-member.ts'
import { onward, passOn, peerOf, unary } from './unary.ts'

export type SpawningParts = MemberParts & {
  readonly spawns: Pick<Client<typeof SpawnService>, 'enrollNode' | 'attendMember'>
}

/**
 * What the platforms that we made ask of us. spawn-provisioner answers; whose child it is about MUST be what the
 * certificate says, never what the message does. It needs no grant: the token in it, the certificate it renews, or the replica it has, is the right.
 */
export const spawningHandlers = (
  parts: SpawningParts,
): Record<'enrollNode' | 'attendMember', UntypedServiceImplementation[string]> => ({
  enrollNode: unary(parts, FederationService.method.enrollNode, async ({ bootstrapToken, csrDer, renewal }, asked) => {
    const { peerId } = peerOf(asked)
    const said = { peerId, bootstrapToken, csrDer, ...(renewal && { renewal }) }
    const { certificateChain, intendedSubject } = await passOn(parts.spawns.enrollNode(said, onward(asked)))
    return { certificateChain, intendedSubject }
  }),

  attendMember: attendMember(parts),
})
