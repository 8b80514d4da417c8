import { createRegistry } from '@bufbuild/protobuf'
import { file_powernode_acceptance_v1_events } from './gen/powernode/acceptance/v1/events_pb.ts'
import { file_powernode_approval_v1_events } from './gen/powernode/approval/v1/events_pb.ts'
import { file_powernode_audit_v1_events } from './gen/powernode/audit/v1/events_pb.ts'
import { file_powernode_ca_v1_events } from './gen/powernode/ca/v1/events_pb.ts'
import { file_powernode_grant_v1_events } from './gen/powernode/grant/v1/events_pb.ts'
import { file_powernode_liveness_v1_events } from './gen/powernode/liveness/v1/events_pb.ts'
import { file_powernode_notice_v1_events } from './gen/powernode/notice/v1/events_pb.ts'
import { file_powernode_operator_v1_events } from './gen/powernode/operator/v1/events_pb.ts'
import { file_powernode_peer_v1_events } from './gen/powernode/peer/v1/events_pb.ts'
import { file_powernode_residency_v1_events } from './gen/powernode/residency/v1/events_pb.ts'
import { file_powernode_resource_v1_events } from './gen/powernode/resource/v1/events_pb.ts'
import { file_powernode_sdwan_v1_events } from './gen/powernode/sdwan/v1/events_pb.ts'
import { file_powernode_spawn_v1_events } from './gen/powernode/spawn/v1/events_pb.ts'

/**
 * Every message that an event may carry.
 *
 * What packs or unpacks `Event.payload` looks its type up here; a type that is not listed cannot be announced.
 * Each events.proto MUST have its line (a test compares).
 */
export const eventRegistry = createRegistry(
  file_powernode_acceptance_v1_events,
  file_powernode_approval_v1_events,
  file_powernode_audit_v1_events,
  file_powernode_ca_v1_events,
  file_powernode_grant_v1_events,
  file_powernode_liveness_v1_events,
  file_powernode_notice_v1_events,
  file_powernode_operator_v1_events,
  file_powernode_peer_v1_events,
  file_powernode_residency_v1_events,
  file_powernode_resource_v1_events,
  file_powernode_sdwan_v1_events,
  file_powernode_spawn_v1_events,
)
