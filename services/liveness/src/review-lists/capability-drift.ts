import { isPlatform, REACHABLE } from '../findings/evidence.ts'
import type { ReviewEvidence } from './evidence.ts'
import type { ReviewItem } from './review.ts'

/** Peers that declare extensions, while nothing here says how a single resource of theirs travels. */
export const driftOf = ({ peers, capabilities }: ReviewEvidence): readonly ReviewItem[] =>
  peers
    .filter((peer) => isPlatform(peer) && REACHABLE.has(peer.state) && peer.extensionSlugs.length > 0)
    .filter(({ peerId }) => capabilities.get(peerId) === 0)
    .toSorted((a, b) => a.peerId.localeCompare(b.peerId))
    .map(({ peerId, extensionSlugs }) => ({
      peerId,
      subject: extensionSlugs.join(', '),
      message: `it declares ${extensionSlugs.join(', ')}, and no capability says how anything travels between the two`,
      suggestion: 'set what is to travel, or have its operators take the extensions off their description',
      command: `fedctl capability list --peer ${peerId}`,
    }))
