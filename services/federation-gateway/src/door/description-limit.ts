import type { Logger } from '@powernode/process'
import { rateLimit } from '@powernode/rpc'

/**
 * How often a peer may describe itself: a platform does when its operator changes something, and when it starts. Whoever does it
 * more often is believed again soon, because a beat names what the peer has to say until that is taken.
 */
export const DESCRIPTIONS = 15
const WINDOW_SECONDS = 150

/** Whether what a peer says of itself is still taken: each is announced, written down and kept for days. */
export type DescriptionLimit = { readonly takes: (peerId: string) => boolean }

export function descriptionLimit(logger: Logger, elapsedMs?: () => number): DescriptionLimit {
  const limit = rateLimit(DESCRIPTIONS, WINDOW_SECONDS, elapsedMs)
  const refused = new Set<string>()
  return {
    takes(peerId) {
      const full = limit.take(peerId)
      if (full && !refused.has(peerId)) {
        const said = { task: 'descriptions', peer_id: peerId, retry_in_ms: full.retryAfterMs }
        logger.warn(said, 'a peer describes itself too often: what it says now is taken later')
      }
      if (full) refused.add(peerId)
      else refused.delete(peerId)
      return !full
    },
  }
}
