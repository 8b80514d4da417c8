import type { JsonObject } from '@bufbuild/protobuf'
import type { ColumnType, Generated } from 'kysely'
import type { BridgeState } from '../bridge.ts'
import type { Capability } from '../capability.ts'
import type { Scope } from '../grant.ts'
import type { NoticeWord } from '../notice.ts'

type Json = ColumnType<JsonObject, string, string>

export type PeerRow = {
  id: string
  operator_grant_id: string | null
  relationship: Generated<string>
  reviewed_at: Date | null
  revoked_at: Date | null
}

export type GrantRow = {
  id: string
  peer_id: string
  remote_subject: string
  resource_kind: string
  resource_id: string
  scopes: readonly Scope[]
  node_instance_ids: readonly string[]
  sdwan_network_ids: readonly string[]
  source_cidrs: readonly string[]
  bound_identities: readonly string[]
  secret_sha256: Buffer
  issued_at: Date
  issued_by: string
  ttl_ms: number
  expires_at: Date
  renewed_at: Date | null
  revoked_at: Date | null
  revoked_by: Generated<string>
  revocation_reason: Generated<string>
  ended_at: Date | null
  archived_at: Date | null
  reminded_at: Date | null
  delivered_at: Date | null
  last_changed_at: Date
  metadata: Json
  revision: Generated<number>
  epoch: Generated<number>
}

export type GrantSettingsRow = {
  only_one: Generated<boolean>
  default_ttl_ms: number
  managed_child_ttl_ms: number
  longest_ttl_ms: number
  strict_axes: boolean
  remind_before_ms: number
  operator_grant: boolean
  operator_grant_scopes: readonly Scope[]
  revision: number
  epoch: Generated<number>
}

export type NetworkBridgeRow = {
  id: string
  peer_id: string
  sdwan_network_id: string
  state: BridgeState
  proposed_at: Date
  activated_at: Date | null
  suspended_at: Date | null
  revoked_at: Date | null
  revocation_reason: string
  metadata: Json
  revision: Generated<number>
  epoch: Generated<number>
}

export type CapabilityRow = {
  peer_id: string
  resource_kind: string
  direction: Capability['direction']
  policy: Capability['policy']
  conflict_resolution: Capability['conflictResolution']
  filter: Json
  set_by: string
  set_at: Date
  removed_at: Date | null
}

export type ReceivedGrantRow = {
  peer_id: string
  grant_id: string
  remote_subject: string
  resource_kind: string
  resource_id: string
  scopes: readonly Scope[]
  issued_at: Date
  expires_at: Date
  revoked_at: Date | null
  revocation_reason: string
  reminded_at: Date | null
  revision: number
  sealed_bearer: Buffer | null
  received_at: Date
  last_changed_at: Date
}

export type GrantNoticeRow = {
  grant_id: string
  peer_id: string
  what: NoticeWord
  sealed_bearer: Buffer | null
  due_at: Date
  attempts: Generated<number>
  last_error: Generated<string>
  rings: Generated<number>
  correlation_id: string
  traceparent: string
}

export type PeerReviewRow = {
  peer_id: string
  due_at: Date
  attempts: Generated<number>
  rings: Generated<number>
  correlation_id: string
  traceparent: string
}

export type GrantTables = {
  peer: PeerRow
  federation_grant: GrantRow
  grant_settings: GrantSettingsRow
  network_bridge: NetworkBridgeRow
  capability: CapabilityRow
  received_grant: ReceivedGrantRow
  grant_notice: GrantNoticeRow
  peer_review: PeerReviewRow
}
