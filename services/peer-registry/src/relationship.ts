import { Refusal } from '@powernode/rpc'
import type { AdoptionRole, Peer } from './peer.ts'

/** What one side tells the other of their relationship. */
export type RelationshipWord = 'emancipated' | 'adoption-offered'
export type RelationshipSaid = {
  readonly what: RelationshipWord
  /** Only with an offer: what the speaker would be. */
  readonly role: AdoptionRole | null
  readonly sequence: number
  readonly reason: string
}

export const complementOf = (role: AdoptionRole): AdoptionRole => (role === 'parent' ? 'child' : 'parent')

const STANDING: ReadonlySet<Peer['state']> = new Set(['enrolled', 'active', 'degraded', 'suspended'])

/**
 * A managed child is managed no longer: the peering stays, the relationship becomes autonomous_peer. Either side may, at
 * any time and alone. An offer to be adopted that nobody took up yet is taken back in the same way.
 */
export function emancipate(peer: Peer, at: Date): Peer {
  const known = withConsents(peer)
  if (!STANDING.has(peer.state) || !known.adoptionOffered)
    throw mismatch(peer, 'there is no managed child here to be emancipated, and no offer to take back')
  return settled(said({ ...known, adoptionOffered: null }, at))
}

/** We agree to be (or to have) a managed child. It is one once both sides have agreed, in whatever order. */
export function offerAdoption(peer: Peer, role: AdoptionRole, at: Date): Peer {
  if (!STANDING.has(peer.state) || peer.kind !== 'platform')
    throw mismatch(peer, `a peer that is ${peer.state} cannot be adopted, nor adopt us`)
  if (peer.spawnMode !== 'autonomous_peer' && peer.spawnMode !== 'out_of_band')
    throw mismatch(peer, `the relationship is ${peer.spawnMode}: there is nothing to adopt`)
  if (peer.adoptionOfferedByPeer === role)
    throw mismatch(peer, `they offer to be the ${role} themselves: --as ${complementOf(role)} is the other half`)
  return settled(said({ ...peer, adoptionOffered: role }, at))
}

export type Heard = {
  readonly peer: Peer
  /** Our own consent ended with theirs, and they have to be told so. */
  readonly answers: boolean
}

/**
 * What follows from a notice of theirs; undefined when it, or a later one, was heard already.
 *
 * When they end what was agreed, our consent ends with it: to come together again both have to say so anew.
 */
export function hearRelationship(peer: Peer, notice: RelationshipSaid, at: Date): Heard | undefined {
  if (notice.sequence <= peer.peerRelationshipSequence || peer.state === 'revoked') return undefined
  const known = withConsents(peer)
  const theirs = notice.what === 'adoption-offered' ? notice.role : null
  const heard: Peer = {
    ...known,
    adoptionOfferedByPeer: theirs,
    peerRelationshipSequence: notice.sequence,
    updatedAt: at,
  }
  const answers = !theirs && peer.spawnMode === 'managed_child' && known.adoptionOffered !== null
  return { peer: settled(answers ? said({ ...heard, adoptionOffered: null }, at) : heard), answers }
}

/**
 * The relationship is a function of what both sides agree to. Each alone writes its own half and tells the other with
 * growing numbers, so both sides come to the same whatever is lost, late or crossing.
 */
function settled(peer: Peer): Peer {
  const { adoptionOffered: ours, adoptionOfferedByPeer: theirs } = peer
  if (ours && theirs === complementOf(ours)) return { ...peer, spawnMode: 'managed_child', spawnRole: ours }
  return peer.spawnMode === 'managed_child' ? { ...peer, spawnMode: 'autonomous_peer' } : peer
}

/** A managed child from its spawning on: both agreed when they accepted. */
function withConsents(peer: Peer): Peer {
  const { spawnMode, spawnRole, adoptionOffered } = peer
  if (spawnMode !== 'managed_child' || adoptionOffered || spawnRole === 'symmetric') return peer
  return { ...peer, adoptionOffered: spawnRole, adoptionOfferedByPeer: complementOf(spawnRole) }
}

/** The offers that wait for an answer. */
export function openOffers(peer: Peer): { readonly ours: AdoptionRole | null; readonly theirs: AdoptionRole | null } {
  if (peer.spawnMode === 'managed_child') return { ours: null, theirs: null }
  return { ours: peer.adoptionOffered, theirs: peer.adoptionOfferedByPeer }
}

/** Each notice of ours has a number above all before it: the clock's, so that a restored backup does not fall behind. */
const said = (peer: Peer, at: Date): Peer => ({
  ...peer,
  updatedAt: at,
  relationshipSequence: Math.max(peer.relationshipSequence + 1, at.getTime()),
})

const mismatch = (peer: Peer, why: string): Refusal =>
  new Refusal('RELATIONSHIP_MISMATCH', why, {
    metadata: { peer_id: peer.id, state: peer.state, spawn_mode: peer.spawnMode, spawn_role: peer.spawnRole },
    next: `fedctl peer show ${peer.name || peer.id}`,
  })

/** What stops (or begins) to work for the people of either side, one line each. */
export function effectsOf(before: Peer, after: Peer): readonly string[] {
  if (before.spawnMode === after.spawnMode)
    return after.adoptionOffered
      ? [`the other side is asked to agree; until then nothing changes`]
      : ['our offer is taken back; nothing else changes']
  const theirs = after.spawnRole === 'child'
  if (after.spawnMode === 'managed_child')
    return theirs
      ? ["the parent's operators are given the grant managed_child_operator here"]
      : ['our operators are given the grant managed_child_operator there']
  return [
    theirs
      ? "the grant managed_child_operator ends: the parent's operators can no longer act here by it"
      : 'the grant managed_child_operator ends: our operators can no longer act there by it',
    'the peering stays, with every grant that an operator gave by hand',
  ]
}
