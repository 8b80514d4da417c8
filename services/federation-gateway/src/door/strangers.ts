/** How many connections nobody has vouched for may stand at the door at once. */
export type StrangerLimits = { readonly perSource: number; readonly total: number }

/** One stranger's place at the door. */
export type Place = {
  /** It has sent something: those who never speak go first. */
  readonly spoke: () => void
  /** It went away, or turned out to be somebody we know. */
  readonly leave: () => void
}

type Stranger = { readonly source: string; readonly sendAway: () => void; silent: boolean }
type Crowd = { readonly silent: Set<Stranger>; readonly speaking: Set<Stranger> }

/**
 * The connections that have not shown a certificate we trust.
 *
 * When there is no room for a newcomer, the one who has been silent longest is sent away, rather than the newcomer
 * turned back: whoever opens ten thousand connections and never speaks on them only ever pushes out his own, and a
 * peer that comes meanwhile, even from the same address, has spoken within milliseconds. A set keeps its order of
 * insertion, so the longest silent is its first and every step costs the same however many there are.
 */
export class Strangers {
  readonly #limits: StrangerLimits
  readonly #everybody = crowd()
  readonly #bySource = new Map<string, Crowd>()

  constructor(limits: StrangerLimits) {
    this.#limits = limits
  }

  get size(): number {
    return sizeOf(this.#everybody)
  }

  /** Gives a newcomer its place, at the cost of another's if need be. `sendAway` MUST close the connection. */
  enter(source: string, sendAway: () => void): Place {
    const neighbours = this.#bySource.get(source)
    if (neighbours && sizeOf(neighbours) >= this.#limits.perSource) this.#sendAway(oldest(neighbours))
    if (this.size >= this.#limits.total) this.#sendAway(oldest(this.#everybody))

    const stranger: Stranger = { source, sendAway, silent: true }
    for (const each of this.#crowdsOf(stranger)) each.silent.add(stranger)
    return { spoke: () => this.#spoke(stranger), leave: () => this.#leave(stranger) }
  }

  #spoke(stranger: Stranger): void {
    if (!stranger.silent || !this.#everybody.silent.has(stranger)) return
    stranger.silent = false
    for (const { silent, speaking } of this.#crowdsOf(stranger)) {
      silent.delete(stranger)
      speaking.add(stranger)
    }
  }

  #leave(stranger: Stranger): void {
    for (const { silent, speaking } of this.#crowdsOf(stranger)) {
      silent.delete(stranger)
      speaking.delete(stranger)
    }
    const neighbours = this.#bySource.get(stranger.source)
    if (neighbours && sizeOf(neighbours) === 0) this.#bySource.delete(stranger.source)
  }

  #sendAway(stranger: Stranger | undefined): void {
    if (!stranger) return
    this.#leave(stranger)
    stranger.sendAway()
  }

  #crowdsOf({ source }: Stranger): Crowd[] {
    const neighbours = this.#bySource.get(source) ?? crowd()
    this.#bySource.set(source, neighbours)
    return [this.#everybody, neighbours]
  }
}

function crowd(): Crowd {
  return { silent: new Set(), speaking: new Set() }
}

function sizeOf({ silent, speaking }: Crowd): number {
  return silent.size + speaking.size
}

function oldest({ silent, speaking }: Crowd): Stranger | undefined {
  const [first] = silent.size > 0 ? silent : speaking
  return first
}
