import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Client } from '@connectrpc/connect'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { onward, passOn, peerOf, required, unary, type UnaryParts } from './unary.ts'

export type NoticeParts = UnaryParts & {
  readonly grants: Client<typeof GrantAuthzService>
  readonly registry: Client<typeof PeerRegistryService>
}

const { notifyGrant, notifyRelationship } = FederationService.method

/** What peers tell us of their own doing. It needs no grant, since it gives the caller nothing. */
export function noticeHandlers(
  parts: NoticeParts,
): Record<'notifyGrant' | 'notifyRelationship', UntypedServiceImplementation[string]> {
  const { grants, registry } = parts
  return {
    notifyGrant: unary(parts, notifyGrant, async ({ notice }, asked) => {
      const { peerId } = peerOf(asked)
      await passOn(grants.receiveGrantNotice({ peerId, notice: required(notice) }, onward(asked)))
      return {}
    }),

    notifyRelationship: unary(parts, notifyRelationship, async ({ notice }, asked) => {
      const { peerId } = peerOf(asked)
      await passOn(registry.receiveRelationship({ peerId, notice: required(notice) }, onward(asked)))
      return {}
    }),
  }
}
