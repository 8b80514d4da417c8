import { noFigures, packed, type Figures, type PackedFigures } from '../figures/figures.ts'
import { bucketOf } from '../figures/round-trips.ts'
import type { Stretch } from '../figures/sight.ts'
import type { Recorded, Said } from '../operations/record-beats.ts'

/**
 * What this replica has counted since it was last written down.
 *
 * In memory, because a beat must not cost a row more than it does: what is lost with a process is a few minutes, and
 * the coverage says so.
 */
export class Tally {
  #counted = new Map<string, Figures>()

  /** Counts the beats of one commit. A repeated one tells nothing. */
  note(said: readonly Said[], recorded: readonly Recorded[]): void {
    for (const [at, { kind, peer }] of said.entries()) {
      const { outcome, freshness } = recorded[at] ?? {}
      if (outcome === undefined || outcome === 'replayed') continue
      const figures = this.#of(peer.peerId)
      if (kind === 'heard') figures.beatsHeard += 1
      else figures.beatsSent += 1
      if (kind !== 'answered') continue
      figures.beatsAnswered += 1
      const roundTripMs = freshness?.roundTripMs
      if (roundTripMs === null || roundTripMs === undefined) continue
      const bucket = bucketOf(roundTripMs)
      figures.roundTrips[bucket] = (figures.roundTrips[bucket] ?? 0) + 1
    }
  }

  /** Counts some time of a peering. */
  watch(peerId: string, stretch: Stretch): void {
    const figures = this.#of(peerId)
    figures.watchedMs += stretch.watchedMs
    figures.bothMs += stretch.bothMs
    figures.heardMs += stretch.heardMs
    figures.heardByThemMs += stretch.heardByThemMs
    figures.silences += stretch.silences
    figures.longestSilenceMs = Math.max(figures.longestSilenceMs, stretch.longestSilenceMs)
  }

  /** What is counted of a peer and not written down yet. */
  peek(peerId: string): PackedFigures | undefined {
    const figures = this.#counted.get(peerId)
    return figures && packed(figures)
  }

  /** All that was counted, and nothing is from now on. */
  take(): Map<string, PackedFigures> {
    const taken = this.#counted
    this.#counted = new Map()
    return new Map([...taken].map(([peerId, figures]) => [peerId, packed(figures)]))
  }

  #of(peerId: string): Figures {
    const known = this.#counted.get(peerId)
    if (known) return known
    const figures = noFigures()
    this.#counted.set(peerId, figures)
    return figures
  }
}
