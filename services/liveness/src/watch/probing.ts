import type { Clock } from '@powernode/clock'
import type { ToProbe } from '../operations/decide-signals.ts'

/** Peers probed at once: one that is slow delays nobody but those who wait for its place. */
const AT_ONCE = 32
/** So many of the places are kept for peers that are not known to be slow. */
const FOR_THE_QUICK = 8
/** Who took longer than this last time is slow. */
const SLOW_MS = 5_000

type Deps = {
  readonly clock: Pick<Clock, 'elapsed'>
  /** MUST not throw. */
  readonly probe: (toProbe: ToProbe) => Promise<void>
  readonly signal: AbortSignal
}

/**
 * Who is to be probed waits here for a place. Peers that let probes wait until the last moment come after all others, and never
 * have all places: a crowd of them would keep everybody else from being looked at for minutes.
 */
export class Probing {
  readonly #deps: Deps
  readonly #busy = new Set<string>()
  readonly #underway = new Set<Promise<void>>()
  /** Peers whose last probe was slow. */
  readonly #slow = new Set<string>()
  #slowUnderway = 0
  #waiting: readonly ToProbe[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Signals that wait or are being probed. */
  get busy(): ReadonlySet<string> {
    return this.#busy
  }

  /** Who waits already is not put in line twice: whoever asks leaves out those that are busy. */
  add(probes: readonly ToProbe[]): void {
    for (const { signalId } of probes) this.#busy.add(signalId)
    this.#waiting = [...this.#waiting, ...probes]
    this.#fill()
  }

  /** Ends when all that is under way has ended. */
  async drain(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway)
  }

  #fill(): void {
    while (this.#underway.size < AT_ONCE && !this.#deps.signal.aborted) {
      const next = this.#next()
      if (!next) return
      this.#waiting = this.#waiting.filter((one) => one !== next)
      const underway: Promise<void> = this.#run(next).finally(() => {
        this.#busy.delete(next.signalId)
        this.#underway.delete(underway)
        this.#fill()
      })
      this.#underway.add(underway)
    }
  }

  #next(): ToProbe | undefined {
    const quick = this.#waiting.find(({ peerId }) => !this.#slow.has(peerId))
    return quick ?? (this.#slowUnderway < AT_ONCE - FOR_THE_QUICK ? this.#waiting[0] : undefined)
  }

  async #run(next: ToProbe): Promise<void> {
    const { clock, probe } = this.#deps
    const [began, isSlow] = [clock.elapsed(), this.#slow.has(next.peerId)]
    if (isSlow) this.#slowUnderway += 1
    await probe(next)
    if (isSlow) this.#slowUnderway -= 1
    if (clock.elapsed() - began > SLOW_MS) this.#slow.add(next.peerId)
    else this.#slow.delete(next.peerId)
  }
}
