import { createRegistry, toJson, type JsonObject } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { ApprovalSchema, type Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { file_powernode_ca_v1_service } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { file_powernode_grant_v1_service } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { file_powernode_peer_v1_service } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { file_powernode_residency_v1_service } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { file_powernode_sdwan_v1_service } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { plain } from './plain.ts'

/** The requests that are carried out after an approval come from these services. */
const REQUESTS = createRegistry(
  file_powernode_peer_v1_service,
  file_powernode_ca_v1_service,
  file_powernode_grant_v1_service,
  file_powernode_residency_v1_service,
  file_powernode_sdwan_v1_service,
)

/** What would be carried out, field by field. What this fedctl cannot read is said to be so: nobody approves it unseen. */
export function plainPlan({ plan }: Approval): JsonObject {
  if (!plan) return {}
  const request = anyUnpack(plan, REQUESTS)
  const schema = request && REQUESTS.getMessage(request.$typeName)
  if (!schema) return { type: plan.typeUrl, unreadable: Buffer.from(plan.value).toString('hex') }
  const fields = toJson(schema, request, { useProtoFieldName: true, registry: REQUESTS }) as JsonObject // a message's JSON is an object
  return { type: request.$typeName, ...fields }
}

export const plainApproval = (approval: Approval) => {
  const { plan: _, ...rest } = approval
  return { ...plain(ApprovalSchema, rest), plan: plainPlan(approval) }
}
