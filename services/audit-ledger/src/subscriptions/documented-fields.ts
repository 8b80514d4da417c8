import { isMessage, type DescEnum, type JsonObject, type Message } from '@bufbuild/protobuf'
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import {
  CertRotationRequiredSchema,
  PeerRehandshakedSchema,
  PeerSilentSchema,
  PeerUnreachableSchema,
} from '@powernode/proto/powernode/liveness/v1/events_pb.ts'
import type { Remediation } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { PeerChangedSchema, PeerMovedSchema } from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import {
  PeerKindSchema,
  PeerStateSchema,
  SpawnModeSchema,
  SpawnRoleSchema,
  type Peer,
  type PeerState,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'

/**
 * The fields that the source documents name for an event, as they name them (facts.md section 12): tools that read the feed look for
 * them at the top of the payload. The announcement itself stands beside them, whole.
 */
export function documentedFields(
  message: Message,
  { kind, actor }: { readonly kind: string; readonly actor: string },
): JsonObject {
  if (isMessage(message, PeerMovedSchema)) return peerMoved(message.peer, message.previousState)
  if (isMessage(message, PeerChangedSchema) && kind === 'federation.peer.data_residency_changed')
    return said({
      data_residency: message.peer?.dataResidency,
      declared_by: actor.startsWith('peer/') ? 'remote_peer' : 'operator',
    })
  if (isMessage(message, PeerSilentSchema)) return said({ last_heartbeat_at: moment(message.freshness?.lastHeardAt) })
  if (isMessage(message, PeerUnreachableSchema) || isMessage(message, PeerRehandshakedSchema))
    return remedied(message.remediation)
  if (isMessage(message, CertRotationRequiredSchema))
    return {
      ...remedied(message.remediation),
      ...said({ cert_reason: message.remediation?.reason, certificate_id: message.signal?.certificate }),
    }
  if (!isMessage(message, GrantChangedSchema) || kind !== 'federation.grant.archived') return {}
  const { id, remoteSubject, resourceKind, revokedAt, revocationReason } = message.grant ?? {}
  return said({
    grant_id: id,
    remote_subject: remoteSubject,
    resource_kind: resourceKind,
    revoked_at: moment(revokedAt),
    revocation_reason: revocationReason,
  })
}

function peerMoved(peer: Peer | undefined, previous: PeerState): JsonObject {
  if (!peer) return {}
  return said({
    peer_kind: word(PeerKindSchema, peer.kind),
    status: word(PeerStateSchema, peer.state),
    previous_status: word(PeerStateSchema, previous),
    spawn_mode: word(SpawnModeSchema, peer.spawnMode),
    spawn_role: word(SpawnRoleSchema, peer.spawnRole),
    contract_version: peer.contractVersion || undefined,
  })
}

const remedied = (entry: Remediation | undefined): JsonObject =>
  said({ peer_status: entry?.inputs['peer_state'], detail: entry?.detail })

/** What is not known is left out. */
function said(fields: Readonly<Record<string, string | number | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])),
  )
}

function word(type: DescEnum, value: number): string | undefined {
  return value === 0 ? undefined : type.value[value]?.localName.toLowerCase()
}

function moment(at: Timestamp | undefined): string | undefined {
  return at && timestampDate(at).toISOString()
}
