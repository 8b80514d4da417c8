import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { onward, passOn, peerOf, required, unary, type UnaryParts } from './unary.ts'

export type NoticeParts = UnaryParts & {
  readonly grants: Client<typeof GrantAuthzService>
  readonly registry: Client<typeof PeerRegistryService>
  readonly registryNotices: Pick<Client<typeof NoticeService>, 'receiveCompromise'>
}

const { notifyGrant, notifyRelationship, notifyCompromise } = FederationService.method

/** What peers tell us of their own doing. It needs no grant, since it gives the caller nothing. */
export function noticeHandlers(
  parts: NoticeParts,
): Record<'notifyGrant' | 'notifyRelationship' | 'notifyCompromise', UntypedServiceImplementation[string]> {
  const { grants, registry, registryNotices } = parts
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

    notifyCompromise: unary(parts, notifyCompromise, async ({ notice }, asked) => {
      const { peerId } = peerOf(asked)
      const envelope = toBinary(EnvelopeSchema, required(notice))
      const { receipt } = await passOn(registryNotices.receiveCompromise({ peerId, envelope }, onward(asked)))
      return { receipt: fromBinary(EnvelopeSchema, receipt) }
    }),
  }
}
