import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { PeerKind, PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { failed, ok, skipped, warning } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'
import { DAY_MS, lasting, since } from '../moments.ts'

/** Where the peering stands, here and there: whatever an operator decided explains all that follows from it. */
export function peeringChecks(evidence: PeerEvidence): Check[] {
  return [stateHere(evidence), ...stateThere(evidence), ...disclosure(evidence), ...openItems(evidence)]
}

function stateHere({ peer, now, compatibility }: PeerEvidence): Check {
  if (!peer) return skipped('peering.state', 'how the peering stands here could not be read')
  const { id, state, reason, kind } = peer
  switch (state) {
    case PeerState.SUSPENDED:
      return failed('peering.state', {
        symptom: 'peer_suspended',
        summary: 'the peering is suspended here',
        cause: reason,
        side: 'us',
        command: `fedctl peer resume ${id}`,
      })
    case PeerState.REVOKED:
      return failed('peering.state', {
        symptom: 'peer_revoked',
        summary: 'the peering has ended',
        cause: reason,
        side: 'nobody',
        ...(kind === PeerKind.PLATFORM && { command: `fedctl peer re-peer ${id}` }),
      })
    case PeerState.DEGRADED: {
      const ago = since(peer.since, now) ?? 0
      if (ago > DAY_MS)
        return warning('peering.state', {
          symptom: 'gone_for_long',
          summary: `degraded for ${lasting(ago)}`,
          cause: `${reason}; a peer that is gone for more than a day is better set aside until it is back`,
          side: 'us',
          command: `fedctl peer suspend ${id} --reason 'remote platform offline'`,
        })
      const byVersion = compatibility?.status === 'incompatible'
      return warning('peering.state', {
        symptom: 'degraded',
        summary: `degraded for ${lasting(ago)}`,
        cause: reason,
        side: byVersion ? 'us' : 'them',
        command: byVersion ? 'fedctl version list' : `fedctl peer show ${id}`,
      })
    }
    default:
      return ok(
        'peering.state',
        `the peering is ${WORDS[state] ?? 'in a state of a later release'} here${reason && `: ${reason}`}`,
      )
  }
}

const WORDS: Partial<Record<PeerState, string>> = {
  [PeerState.PROPOSED]: 'proposed',
  [PeerState.ACCEPTED]: 'accepted',
  [PeerState.ENROLLED]: 'enrolled',
  [PeerState.ACTIVE]: 'active',
}

/** What their last answer to a beat called us. */
function stateThere({ freshness, peer }: PeerEvidence): Check[] {
  const there = freshness?.stateThere ?? ''
  if (there === '' || peer?.state === PeerState.REVOKED) return []
  if (there === 'suspended')
    return [
      failed('peering.state_there', {
        symptom: 'peer_suspended',
        summary: 'the other side has suspended the peering',
        cause: 'it says so itself in its answer to our beat',
        side: 'them',
        command: 'fedctl peer resume <peer>',
      }),
    ]
  return [ok('peering.state_there', `the other side holds us as ${there}`)]
}

function disclosure({ peer }: PeerEvidence): Check[] {
  if (peer?.state !== PeerState.ACCEPTED || peer.kind === PeerKind.SDWAN_ONLY) return []
  return [
    failed('peering.disclosure', {
      symptom: 'disclosure_missing',
      summary: 'the peering stops at accepted: the other side has not said who it is',
      cause: peer.reason,
      side: 'them',
      command: 'set the DISCLOSURE_ variables of peer-registry, and start it again',
    }),
  ]
}

function openItems({ peer }: PeerEvidence): Check[] {
  const items = peer?.openItems ?? []
  if (!peer || items.length === 0 || peer.state === PeerState.REVOKED) return []
  return [
    warning('peering.open_items', {
      symptom: 'open_items',
      summary: `${items.length === 1 ? 'an item is' : `${items.length} items are`} open`,
      cause: items.join('; '),
      side: 'us',
      command: `fedctl peer show ${peer.id}`,
    }),
  ]
}

const NAMED_AT_MOST = 5

/** Who of our peers is not heard: that this platform is well says nothing of those it speaks with. */
export function degradedPeers(peers: readonly Peer[] | undefined): Check[] {
  const [first] = peers ?? []
  if (!peers || !first) return []
  const names = peers.slice(0, NAMED_AT_MOST).map(({ name, id }) => name || id)
  const more = peers.length - names.length
  return [
    warning('peering.peers', {
      symptom: 'degraded',
      summary: `${peers.length === 1 ? 'a peer is' : `${peers.length} peers are`} degraded: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      cause: 'why, and whose it is to mend, the doctor says of each by itself',
      side: 'us',
      command: `fedctl doctor peer ${first.id}`,
    }),
  ]
}
