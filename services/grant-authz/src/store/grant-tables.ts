import type { JsonObject } from '@bufbuild/protobuf'
import type { ColumnType, Generated } from 'kysely'
import type { Scope } from '../grant.ts'

export type PeerRow = { id: string; operator_grant_id: string | null; revoked_at: Date | null }

export type GrantRow = {
  id: string
  peer_id: string
  remote_subject: string
  resource_kind: string
  resource_id: string | null
  scopes: readonly Scope[]
  node_instance_ids: readonly string[]
  sdwan_network_ids: readonly string[]
  source_cidrs: readonly string[]
  issued_at: Date
  issued_by: string
  expires_at: Date
  revoked_at: Date | null
  revocation_reason: Generated<string>
  archived_at: Generated<Date | null>
  metadata: ColumnType<JsonObject, string | undefined, string>
}

export type PeerReviewRow = {
  peer_id: string
  due_at: Date
  attempts: Generated<number>
  rings: Generated<string>
  correlation_id: string
  traceparent: string
}

export type GrantTables = { peer: PeerRow; federation_grant: GrantRow; peer_review: PeerReviewRow }
