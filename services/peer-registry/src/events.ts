import { create } from '@bufbuild/protobuf'
import { append, appendAll, type Announcement } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { CertificateChangedSchema, RotationMovedSchema } from '@powernode/proto/powernode/ca/v1/events_pb.ts'
import type {
  Certificate as WireCertificate,
  Rotation as WireRotation,
} from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import {
  InvitationChangedSchema,
  PeerChangedSchema,
  PeerMovedSchema,
} from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { PeerState as WireState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { causeOf } from './cause.ts'
import type { Invitation } from './invitation.ts'
import type { Move, Peer, PeerState } from './peer.ts'
import type { RotationStep } from './rotation.ts'
import { NO_SURROUNDINGS } from './standing.ts'
import type { Tables } from './store/tables.ts'
import { invitationToWire, peerToWire } from './wire.ts'
import { STATES } from './wire-words.ts'

/** Who did it, and as part of which call. */
export type By = { readonly actor: string; readonly requestId?: string; readonly traceparent?: string }

/** What no operator asked for: the service itself, when time passes. */
export const BY_OURSELVES: By = { actor: 'service/peer-registry' }

const SEVERITY: Readonly<Partial<Record<PeerState, 'medium' | 'high'>>> = {
  degraded: 'medium',
  suspended: 'medium',
  revoked: 'high',
}

type Moved = { readonly before: Peer | undefined; readonly after: Peer; readonly move: Move | 'propose' }

/** fed.peer.<state>.<id>: a peer entered a state. */
export async function peerMoved(tx: Tx<Tables>, by: By, moved: Moved) {
  await append(tx, moveOf(by, moved))
}

/** fed.peer.changed.<id>: a peer changed without moving. That its data stays elsewhere has a kind of its own. */
export async function peerChanged(tx: Tx<Tables>, by: By, after: Peer, changed: readonly string[]) {
  await append(tx, changeOf(by, after, changed))
}

/** fed.peer.changed.<id>, and fed.peer.<state>.<id> of those that moved: peers stand otherwise by their versions. */
export async function versionsReassessed(
  tx: Tx<Tables>,
  by: By,
  peers: readonly { readonly before: Peer; readonly after: Peer }[],
) {
  const news = peers.flatMap(({ before, after }) => [
    changeOf(by, after, ['version_status']),
    ...(before.state === after.state ? [] : [moveOf(by, { before, after, move: 'diverge' })]),
  ])
  await appendAll(tx, news)
}

const moveOf = (by: By, { before, after, move }: Moved): Announcement => ({
  noun: 'peer',
  word: after.state,
  id: after.id,
  severity: SEVERITY[after.state],
  peerId: after.id,
  at: after.updatedAt,
  ...causeOf(by),
  payload: create(PeerMovedSchema, {
    peer: peerToWire(after, NO_SURROUNDINGS),
    previousState: before ? STATES[before.state] : WireState.UNSPECIFIED,
    move,
    reason: after.reason,
  }),
})

const changeOf = (by: By, after: Peer, changed: readonly string[]): Announcement => ({
  noun: 'peer',
  word: 'changed',
  id: after.id,
  ...(changed.includes('data_residency') && { kind: 'federation.peer.data_residency_changed', severity: 'medium' }),
  peerId: after.id,
  at: after.updatedAt,
  ...causeOf(by),
  payload: create(PeerChangedSchema, { peer: peerToWire(after, NO_SURROUNDINGS), changed: [...changed] }),
})

/** fed.invitation.<created|redeemed|revoked|expired>.<peer id>. */
export async function invitationChanged(
  tx: Tx<Tables>,
  by: By,
  said: { invitation: Invitation; word: 'created' | 'redeemed' | 'revoked' | 'expired'; at: Date },
) {
  const { invitation, word, at } = said
  await append(tx, {
    noun: 'invitation',
    word,
    id: invitation.peerId,
    peerId: invitation.peerId,
    at,
    ...causeOf(by),
    payload: create(InvitationChangedSchema, { invitation: invitationToWire(invitation, at) }),
  })
}

/** fed.ca.<step>.<rotation id>. */
export async function rotationMoved(
  tx: Tx<Tables>,
  by: By,
  { rotation, word, at }: { rotation: WireRotation; word: RotationStep; at: Date },
) {
  await append(tx, {
    noun: 'ca',
    word,
    id: rotation.id,
    severity: 'medium',
    at,
    ...causeOf(by),
    payload: create(RotationMovedSchema, { rotation }),
  })
}

/** fed.certificate.<issued|revoked>.<serial>. */
export async function certificateChanged(
  tx: Tx<Tables>,
  by: By,
  { certificate, word, at }: { certificate: WireCertificate; word: 'issued' | 'revoked'; at: Date },
) {
  await append(tx, {
    noun: 'certificate',
    word,
    id: certificate.serial,
    severity: word === 'revoked' ? 'medium' : 'low',
    peerId: certificate.peerId,
    at,
    ...causeOf(by),
    payload: create(CertificateChangedSchema, { certificate }),
  })
}
