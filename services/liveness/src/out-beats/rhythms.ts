import { BEATEN, type PeerState } from '../announcement.ts'
import { chance, nextBeatAt, resumeBeatAt } from '../beat-timing.ts'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import { Schedule } from '../schedule.ts'
import { Lane } from './lane.ts'

/** What the replica that beats remembers of one peer between two beats. Lost with the process: a new one begins an epoch. */
export type Rhythm = {
  readonly peerId: string
  state: PeerState
  failures: number
  /** The digest of the description this peer has from us in this incarnation. */
  told: Buffer | undefined
  /** The state it holds us in, as its last answer said. */
  stateThere: string
  lastSentAt: Date | undefined
  /** The lane it is in while a beat is under way. */
  lane: Lane | undefined
  /** What somebody who asked for a beat while one was under way is owed: another one, or one if that one fails. */
  again: 'no' | 'if failed' | 'yes'
}

const LIVE_AT_ONCE = 256
const DOUBTFUL_AT_ONCE = 128
/** From so many failures in a row on, a peer waits in the lane of the doubtful. */
const DOUBTFUL_AFTER = 3
/** However many ask, nobody is beaten more often than this. */
const SMALLEST_GAP_MS = 100

/** Whose turn it is: every peer that should hear from us, when it is due next, and who is being beaten. */
export class Rhythms {
  readonly #schedule = new Schedule()
  readonly #rhythms = new Map<string, Rhythm>()
  readonly #live = new Lane(LIVE_AT_ONCE)
  readonly #doubtful = new Lane(DOUBTFUL_AT_ONCE)
  /** When beats were due before this process began; each is used once. */
  readonly #planned: Map<string, Date>
  readonly #draw: () => number

  /** `draw` keeps peers from falling into step: a number in [0, 1). */
  constructor(planned: ReadonlyMap<string, Date>, draw: () => number = chance) {
    this.#planned = new Map(planned)
    this.#draw = draw
  }

  get size(): number {
    return this.#rhythms.size
  }

  get underway(): number {
    return this.#live.underway + this.#doubtful.underway
  }

  peerIds(): readonly string[] {
    return [...this.#rhythms.keys()]
  }

  nextAt(): Date | undefined {
    return this.#schedule.nextAt()
  }

  /** Takes up a peer, drops it, or has it beaten at once when it has just come into a state that a beat can change. */
  follow(peer: WatchedPeer, now: Date): void {
    if (!BEATEN.includes(peer.state)) return this.forget(peer.peerId)
    const rhythm = this.#rhythms.get(peer.peerId)
    if (!rhythm) return this.#begin(peer, now)
    if (rhythm.state !== peer.state && peer.state !== 'active') this.soon(peer.peerId, now)
    rhythm.state = peer.state
    const latest = nextBeatAt(now, peer.heartbeatIntervalMs, 1)
    const dueAt = this.#schedule.dueAt(peer.peerId)
    if (dueAt && dueAt > latest) this.#schedule.plan(peer.peerId, latest)
  }

  forget(peerId: string): void {
    this.#schedule.forget(peerId)
    this.#rhythms.delete(peerId)
  }

  /** Has a peer beaten before its turn. The beat that is under way will do, unless it fails or another is demanded. */
  soon(peerId: string, now: Date, { demanded = false } = {}): void {
    const rhythm = this.#rhythms.get(peerId)
    if (!rhythm) return
    if (rhythm.lane) {
      if (rhythm.again !== 'yes') rhythm.again = demanded ? 'yes' : 'if failed'
      return
    }
    const at = new Date(Math.max(now.getTime(), (rhythm.lastSentAt?.getTime() ?? 0) + SMALLEST_GAP_MS))
    const dueAt = this.#schedule.dueAt(peerId)
    if (!dueAt || dueAt > at) this.#schedule.plan(peerId, at)
  }

  /**
   * We are another than we said, and only our beats say so: who holds us back until we have said more hears it at once,
   * everybody else within a part of the interval.
   */
  hasten({ peerId, heartbeatIntervalMs }: WatchedPeer, now: Date): void {
    const rhythm = this.#rhythms.get(peerId)
    if (!rhythm) return
    if (rhythm.stateThere === 'accepted') return this.soon(peerId, now, { demanded: true })
    const at = resumeBeatAt(now, null, heartbeatIntervalMs, this.#draw())
    const dueAt = this.#schedule.dueAt(peerId)
    if (dueAt && dueAt > at) this.#schedule.plan(peerId, at)
  }

  plan(rhythm: Rhythm, at: Date): void {
    if (this.#rhythms.get(rhythm.peerId) === rhythm) this.#schedule.plan(rhythm.peerId, at)
  }

  /** Those whose turn it is and that find a place in their lane. Each MUST be given back by `landed`. */
  take(now: Date): readonly Rhythm[] {
    const asking = [...this.#live.takeWaiting(), ...this.#doubtful.takeWaiting()]
    for (let next = this.#schedule.take(now); next !== undefined; next = this.#schedule.take(now)) asking.push(next)
    return asking.flatMap((peerId) => {
      const rhythm = this.#rhythms.get(peerId)
      if (!rhythm || rhythm.lane) return []
      const lane = rhythm.failures >= DOUBTFUL_AFTER ? this.#doubtful : this.#live
      if (!lane.enter(peerId)) return []
      rhythm.lane = lane
      return [rhythm]
    })
  }

  landed(rhythm: Rhythm, now: Date): void {
    rhythm.lane?.leave()
    rhythm.lane = undefined
    const owed = rhythm.again === 'yes' || (rhythm.again === 'if failed' && rhythm.failures > 0)
    rhythm.again = 'no'
    if (owed && this.#rhythms.get(rhythm.peerId) === rhythm) this.soon(rhythm.peerId, now)
  }

  /** A new incarnation of ours: everybody is told anew who we are. */
  restart(): void {
    for (const rhythm of this.#rhythms.values()) rhythm.told = undefined
  }

  #begin({ peerId, state, heartbeatIntervalMs }: WatchedPeer, now: Date): void {
    const fresh = { failures: 0, told: undefined, stateThere: '', lastSentAt: undefined, lane: undefined } as const
    this.#rhythms.set(peerId, { peerId, state, again: 'no', ...fresh })
    const planned = this.#planned.get(peerId)
    this.#planned.delete(peerId)
    const resumes = state === 'active' && planned !== undefined
    this.#schedule.plan(peerId, resumes ? resumeBeatAt(now, planned, heartbeatIntervalMs, this.#draw()) : now)
  }
}
