import type { Live } from './back-ends/wireguard.ts'

type Seen = {
  readonly rxBytes: number
  readonly since: Date | undefined
  readonly last: Date
  readonly absences: readonly Date[]
}

/** When each peer of a tunnel was last heard of: a new handshake, or anything that came in. */
export class Heard {
  readonly #from: Date
  readonly #peers = new Map<string, Seen>()

  /** Nobody is called silent who has not been listened to for as long. */
  constructor(from: Date) {
    this.#from = from
  }

  note({ peers }: Live, now: Date): void {
    for (const { publicKey, rxBytes, handshakeAt } of peers) {
      const before = this.#peers.get(publicKey)
      const grew = before === undefined ? handshakeAt > 0 && isRecent(handshakeAt, now) : rxBytes > before.rxBytes
      const last = grew ? now : (before?.last ?? this.#from)
      const since = grew ? (before?.since ?? now) : before?.since
      this.#peers.set(publicKey, { rxBytes, since, last, absences: before?.absences ?? [] })
    }
  }

  /** Heard of within so many milliseconds, or not listened to for as long yet. */
  isFresh(publicKey: string, now: Date, withinMs: number): boolean {
    const last = this.#peers.get(publicKey)?.last ?? this.#from
    return now.getTime() - last.getTime() < withinMs
  }

  /** It was given up: it is back when it has been heard of anew, and that for longer the more often it was gone lately. */
  gone(publicKey: string, now: Date): void {
    const seen = this.#peers.get(publicKey)
    if (!seen || (seen.since === undefined && seen.absences.length > 0)) return
    const lately = seen.absences.filter((at) => now.getTime() - at.getTime() < LATELY_MS)
    this.#peers.set(publicKey, { ...seen, since: undefined, absences: [...lately, now].slice(-ABSENCES_MAX) })
  }

  /** Heard of again and again for long enough, and still. */
  isBack(publicKey: string, now: Date, withinMs: number): boolean {
    const seen = this.#peers.get(publicKey)
    if (seen?.since === undefined || !this.isFresh(publicKey, now, withinMs)) return false
    const lately = seen.absences.filter((at) => now.getTime() - at.getTime() < LATELY_MS)
    return now.getTime() - seen.since.getTime() >= BACK_AFTER_MS * 2 ** Math.max(lately.length - 1, 0)
  }
}

/** The first time, one look later: while some go by it again and others do not yet, what it sends to these is lost. */
const BACK_AFTER_MS = 4_000
/** Doubled with each absence within this time, up to four minutes: a link that comes and goes is not followed each time. */
const LATELY_MS = 600_000
const ABSENCES_MAX = 7
const RECENT_S = 180

const isRecent = (handshakeAt: number, now: Date): boolean => now.getTime() / 1_000 - handshakeAt < RECENT_S
