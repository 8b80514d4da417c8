import type { Head } from '../epoch.ts'
import { LEASE_MS, untilOver } from '../lease.ts'
import { Lease } from '../lease-of-reader.ts'
import { Readers, type Reader } from '../readers.ts'

/**
 * The protocol of README.md as a world in which every step is one of its atomic moments, and any may come next: a
 * statement's snapshot, a message's arrival, a write. Leases, holds and acknowledgements are the real ones.
 */
export const STEPS = [
  'pass', 'commit', 'ask', 'hear', 'begin', 'snapshot', 'answer', 'deliver', 'readHead', 'collect', 'publish', 'beat',
  'beaten', 'look', 'reconnect', 'crash', 'kill', 'observe', 'sleep',
] as const // prettier-ignore
export type Step = { readonly what: (typeof STEPS)[number]; readonly who: number; readonly ms: number }

/** What happens when one rule of the protocol is broken. */
export type Broken =
  | 'a hold is taken after the read'
  | 'readers are collected before the head is read'
  | 'a lease counts from the tick'
  | 'who has left is forgotten'
  | 'a tick needs no beat'
  | 'what was sent counts as acknowledged'

const BEAT_GOOD_MS = 2_000
const DEAD_AFTER_MS = 10_000
const REPLICAS = 2
const READERS = 3

type Message =
  { readonly kind: 'position'; readonly epoch: number } | { readonly kind: 'tick'; readonly number: number }
type Stream = {
  readonly replica: Replica
  readonly entry: Reader
  readonly up: { readonly number: number; readonly epoch: number | undefined }[]
  readonly down: Message[]
  asked: { number: number; atMs: number }
  position: number
  isWhole: boolean
  reading: { readonly number: number; readonly beatMs: number; snapshot?: number } | undefined
}
type Replica = {
  row: number
  readers: Readers
  isDead: boolean
  beatAtMs: number
  beating: number | undefined
  publishing: { head?: number; least?: number }
  seen: Map<number, { beats: number; sinceMs: number }>
  rate: number
}
type Follower = {
  lease: Lease
  epoch: number
  number: number
  sentAtMs: Map<number, number>
  stream: Stream | undefined
  told: number | undefined
  rate: number
}

export class World {
  #ms = 0
  #head = 1
  #rows = new Map<number, { acknowledged: number; beats: number }>()
  #nextRow = 0
  readonly #replicas: Replica[]
  readonly #followers: Follower[]
  readonly #barriers: { readonly epoch: number; readonly atMs: number; isOver: boolean }[] = []
  readonly #broken: Broken | undefined
  /** How many barriers returned because all had acknowledged. */
  acknowledged = 0

  constructor(broken?: Broken) {
    this.#broken = broken
    // No two stopwatches run alike: 4 per cent is what a clock being slewed may be off.
    this.#replicas = Array.from({ length: REPLICAS }, (_, at) => this.#newReplica(at === 0 ? 1 : 0.98))
    this.#followers = Array.from({ length: READERS }, (_, at) => this.#newFollower(1 - 0.02 * at))
  }

  take({ what, who, ms }: Step): void {
    const follower = this.#followers[who % READERS]!
    const replica = this.#replicas[who % REPLICAS]!
    this[what](follower, replica, ms)
  }

  /** The first reader that could act on what was enforced away, if any. */
  violation(): string | undefined {
    const enforced = Math.max(0, ...this.#barriers.filter(({ isOver }) => isOver).map(({ epoch }) => epoch))
    const at = this.#followers.findIndex(({ lease, epoch }) => lease.isRunning && epoch < enforced)
    return at < 0 ? undefined : `reader ${at} acts on epoch ${this.#followers[at]!.epoch}, ${enforced} is enforced`
  }

  pass(_f: Follower, _r: Replica, ms: number): void {
    this.#ms += ms
  }

  sleep(_f: Follower, _r: Replica, ms: number): void {
    this.#ms += ms * 20
  }

  commit(): void {
    this.#head += 1
    this.#barriers.push({ epoch: this.#head, atMs: this.#ms, isOver: false })
  }

  ask(follower: Follower): void {
    if (!follower.stream) return this.#open(follower, this.#replicas[0]!)
    follower.number += 1
    follower.sentAtMs.set(follower.number, this.#ms * follower.rate)
    follower.stream.up.push({ number: follower.number, epoch: follower.told })
  }

  hear({ stream }: Follower): void {
    const said = stream?.replica.isDead === false ? stream.up.shift() : undefined
    if (!stream || !said) return
    stream.asked = { number: said.number, atMs: this.#ms * stream.replica.rate }
    if (said.epoch !== undefined) stream.entry.acknowledge(headAt(said.epoch))
  }

  begin({ stream }: Follower): void {
    if (!stream || stream.reading || stream.replica.isDead) return
    const number = stream.isWhole ? stream.asked.number : 0
    stream.reading = { number, beatMs: stream.replica.beatAtMs }
    if (number > 0 && this.#broken !== 'a hold is taken after the read') stream.entry.hold(stream.asked.atMs)
  }

  snapshot({ stream }: Follower): void {
    if (stream?.reading && !stream.replica.isDead) stream.reading.snapshot ??= this.#head
  }

  answer({ stream }: Follower): void {
    const reading = stream?.reading
    if (!stream || reading?.snapshot === undefined || stream.replica.isDead) return
    stream.reading = undefined
    if (!stream.isWhole || stream.position !== reading.snapshot) {
      stream.position = reading.snapshot
      stream.entry.sends(headAt(reading.snapshot))
      if (this.#broken === 'what was sent counts as acknowledged') stream.entry.acknowledge(headAt(reading.snapshot))
      stream.down.push({ kind: 'position', epoch: reading.snapshot })
    }
    stream.isWhole = true
    const isGood = this.#ms * stream.replica.rate - reading.beatMs < BEAT_GOOD_MS
    if (reading.number === 0 || (!isGood && this.#broken !== 'a tick needs no beat')) return
    if (this.#broken === 'a hold is taken after the read') stream.entry.hold(stream.asked.atMs)
    stream.down.push({ kind: 'tick', number: reading.number })
  }

  deliver(follower: Follower): void {
    const message = follower.stream?.down.shift()
    if (message?.kind === 'position') follower.epoch = follower.told = message.epoch
    const sentAtMs = message?.kind === 'tick' ? follower.sentAtMs.get(message.number) : undefined
    if (sentAtMs === undefined) return
    const late = this.#broken === 'a lease counts from the tick'
    follower.lease.extend(late ? this.#ms * follower.rate : sentAtMs, LEASE_MS)
  }

  readHead(_f: Follower, { publishing, isDead }: Replica): void {
    if (!isDead && publishing.least === undefined) publishing.head = this.#head
  }

  collect(_f: Follower, { publishing, readers, isDead }: Replica): void {
    const bound = readers.bound().map(({ epoch }) => Number(epoch))
    if (isDead || (publishing.head === undefined && this.#broken !== 'readers are collected before the head is read'))
      return
    publishing.least = Math.min(publishing.head ?? Infinity, ...bound)
  }

  publish(_f: Follower, replica: Replica): void {
    const { least } = replica.publishing
    const row = this.#rows.get(replica.row)
    if (row && least !== undefined && !replica.isDead) row.acknowledged = Math.min(least, this.#head)
    replica.publishing = {}
  }

  beat(_f: Follower, replica: Replica): void {
    replica.beating = this.#ms * replica.rate
  }

  beaten(_f: Follower, replica: Replica): void {
    if (replica.beating === undefined || replica.isDead) return
    const row = this.#rows.get(replica.row)
    if (row) row.beats += 1
    else this.#rows.set((replica.row = ++this.#nextRow), { acknowledged: 0, beats: 0 })
    replica.beatAtMs = replica.beating
    replica.beating = undefined
  }

  look(): void {
    const least = Math.min(Infinity, ...[...this.#rows.values()].map(({ acknowledged }) => acknowledged))
    for (const barrier of this.#barriers) {
      if (barrier.isOver) continue
      barrier.isOver = least >= barrier.epoch || this.#ms - barrier.atMs >= untilOver(LEASE_MS)
      if (least >= barrier.epoch) this.acknowledged += 1
    }
  }

  reconnect(follower: Follower, replica: Replica): void {
    this.#leave(follower)
    this.#open(follower, replica)
  }

  crash(follower: Follower, replica: Replica): void {
    this.#leave(follower)
    Object.assign(follower, this.#newFollower(follower.rate))
    this.#open(follower, replica)
  }

  /** It stops without a word; another takes its place. */
  kill(_f: Follower, replica: Replica): void {
    const at = this.#replicas.indexOf(replica)
    replica.isDead = true
    this.#replicas[at] = this.#newReplica(replica.rate)
  }

  observe(_f: Follower, replica: Replica): void {
    const now = this.#ms * replica.rate
    for (const [id, { beats }] of this.#rows) {
      const seen = replica.seen.get(id)
      if (seen?.beats !== beats) replica.seen.set(id, { beats, sinceMs: now })
      else if (id !== replica.row && now - seen.sinceMs >= DEAD_AFTER_MS) this.#rows.delete(id)
    }
  }

  #open(follower: Follower, replica: Replica): void {
    follower.number = 0
    follower.sentAtMs = new Map()
    follower.told = undefined
    const asked = { number: 0, atMs: 0 }
    const entry = replica.readers.enter('simulated')
    follower.stream = { replica, entry, up: [], down: [], asked, position: follower.epoch, isWhole: false, reading: undefined } // prettier-ignore
  }

  #leave({ stream }: Follower): void {
    if (!stream) return
    if (this.#broken === 'who has left is forgotten') stream.replica.readers = new Readers(() => this.#ms)
    stream.replica.readers.leave(stream.entry)
  }

  #newReplica(rate: number): Replica {
    const readers = new Readers(() => this.#ms * rate)
    const own = { row: -1, readers, isDead: false, beatAtMs: -Infinity, beating: undefined, publishing: {} }
    return { ...own, seen: new Map(), rate }
  }

  #newFollower(rate: number): Follower {
    const lease = new Lease(() => this.#ms * rate)
    return { lease, epoch: 0, number: 0, sentAtMs: new Map(), stream: undefined, told: undefined, rate }
  }
}

const headAt = (epoch: number): Head => ({ epoch: BigInt(epoch), mark: Buffer.alloc(16, epoch) })
