import type { Tx } from '@powernode/postgres'
import { peerChanged, type By } from '../events.ts'
import { DAY_MS } from '../invitation.ts'
import type { AdoptionRole, Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import { effectsOf, emancipate, offerAdoption, type RelationshipWord } from '../relationship.ts'
import { envelopeBytes, signRelationship } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

const NOTICE_FOR_MS = 365 * DAY_MS

type Changed = { readonly peer: Peer; readonly effects: readonly string[] }

/**
 * A managed child is let go, or leaves: the relationship becomes autonomous_peer here at once, whether or not the other
 * side can be reached; it is told by an errand. Heard by grant-authz, which ends the operator grant.
 */
export async function emancipatePeer(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, reason }: { us: Us; by: By; peerId: string; reason: string },
): Promise<Changed> {
  const before = await peers.lock(tx, peerId)
  return keep(tx, now, { us, by, before, after: emancipate(before, now), what: 'emancipated', reason })
}

/** We agree to be, or to have, a managed child. Takes effect when the other side has agreed as well. */
export async function adoptPeer(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, as, reason }: { us: Us; by: By; peerId: string; as: AdoptionRole; reason: string },
): Promise<Changed> {
  const before = await peers.lock(tx, peerId)
  const after = offerAdoption(before, as, now)
  return keep(tx, now, { us, by, before, after, what: 'adoption-offered', role: as, reason })
}

type Keep = {
  readonly us: Us
  readonly by: By
  readonly before: Peer
  readonly after: Peer
  readonly what: RelationshipWord
  readonly role?: AdoptionRole
  readonly reason: string
}

async function keep(tx: Tx<Tables>, now: Date, said: Keep): Promise<Changed> {
  const { us, by, before, after, what, role, reason } = said
  const saved = await peers.save(tx, before, after)
  await peerChanged(tx, by, saved, changedFields(before, saved))
  await oweNotice(tx, now, { us, saved, what, role: role ?? '', reason })
  return { peer: saved, effects: effectsOf(before, saved) }
}

type Notice = {
  readonly us: Us
  readonly saved: Peer
  readonly what: RelationshipWord
  readonly role: AdoptionRole | ''
  readonly reason: string
}

/** The other side is told, in words that are signed now and said until it has heard them. The newest takes the place of all before. */
export async function oweNotice(tx: Tx<Tables>, now: Date, { us, saved, what, role, reason }: Notice): Promise<void> {
  const notice = signRelationship(us.key, {
    platformId: us.platformId,
    peerId: saved.remotePeerId ?? '',
    what,
    role,
    sequence: saved.relationshipSequence,
    reason,
    at: now,
  })
  await errands.put(tx, {
    peerId: saved.id,
    kind: 'notify_relationship',
    statement: envelopeBytes(notice),
    tokenSealed: null,
    tokenDigest: null,
    expiresAt: new Date(now.getTime() + NOTICE_FOR_MS),
    attempts: 0,
    nextAttemptAt: now,
    lastError: '',
    createdAt: now,
  })
}

/** The fields that differ, by the names of the proto. */
export function changedFields(before: Peer, after: Peer): readonly string[] {
  const fields = [
    ['spawn_mode', before.spawnMode !== after.spawnMode],
    ['spawn_role', before.spawnRole !== after.spawnRole],
    ['adoption_offered', before.adoptionOffered !== after.adoptionOffered],
    ['adoption_offered_by_peer', before.adoptionOfferedByPeer !== after.adoptionOfferedByPeer],
  ] as const
  return fields.flatMap(([field, changed]) => (changed ? [field] : []))
}
