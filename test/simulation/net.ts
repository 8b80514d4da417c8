import type { Draw } from './draw.ts'
import type { Timeline } from './timeline.ts'

/** One direction of calls between two platforms. */
export type Link = {
  /** Nothing gets through, and the caller hears nothing until its deadline. */
  cut: boolean
  /** What is asked arrives, what is answered does not. */
  losesAnswers: boolean
  /** The share of messages that get lost, each way. */
  loss: number
  /** The share of requests that arrive once more, later. */
  duplicates: number
  slowestMs: number
}

export const fairLink = (): Link => ({ cut: false, losesAnswers: false, loss: 0, duplicates: 0, slowestMs: 150 })

/** Beats and probes wait this long for an answer. */
export const DEADLINE_MS = 10_000
/** A message that comes twice may do so this much later. */
const LATEST_REPEAT_MS = 600_000

/** The network: messages take their time, get lost, come twice, and overtake one another. */
export class Net {
  readonly #links = new Map<string, Link>()
  readonly #timeline: Timeline
  readonly #draw: Draw

  constructor(timeline: Timeline, draw: Draw) {
    this.#timeline = timeline
    this.#draw = draw
  }

  link(from: string, to: string): Link {
    const key = `${from} ${to}`
    let link = this.#links.get(key)
    if (!link) this.#links.set(key, (link = fairLink()))
    return link
  }

  /**
   * A call. `arrive` runs at the far end, twice when the request is doubled, and answers when it likes, or refuses by
   * answering with nothing. `done` runs exactly once: with the answer, or with nothing after a refusal or the deadline.
   */
  call<Answer>(
    { from, to }: { from: string; to: string },
    arrive: (answer: (said: Answer | undefined) => void) => void,
    done: (said: Answer | undefined) => void,
  ): void {
    const link = this.link(from, to)
    let open = true
    const end = (said: Answer | undefined) => {
      if (open) done(said)
      open = false
    }
    this.#timeline.after(DEADLINE_MS, () => end(undefined))
    if (link.cut || this.#draw.happens(link.loss)) return
    const reply = (said: Answer | undefined) => {
      if (link.cut || link.losesAnswers || this.#draw.happens(link.loss)) return
      this.#timeline.after(this.#delay(link), () => end(said))
    }
    this.#timeline.after(this.#delay(link), () => arrive(reply))
    if (this.#draw.happens(link.duplicates)) {
      this.#timeline.after(this.#draw.whole(1, LATEST_REPEAT_MS), () => arrive(() => {}))
    }
  }

  #delay({ slowestMs }: Link): number {
    return 1 + Math.floor(this.#draw.chance() ** 3 * slowestMs)
  }
}
