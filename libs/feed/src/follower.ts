import { create } from '@bufbuild/protobuf'
import { Doorbell, backoffMs, type Clock } from '@powernode/clock'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import { AskSchema, BeginSchema, type Position } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import type { Frame, Said } from './frames.ts'
import { Lease } from './lease-of-reader.ts'
import { ASKS_PER_LEASE, LEASE_MS, LONGEST_LEASE_MS } from './lease.ts'
import { watchdog } from './watchdog.ts'

/** What a feed tells, without what it says of itself. */
export type Told<Update> = Exclude<Update, Frame>

export type FollowerDeps<Update> = {
  /** The feed's name, for logs and metrics. */
  readonly feed: string
  /** Opens the stream: `(requests, signal) => client.watchPeers(requests, { signal, timeoutMs: 0 })`. */
  readonly open: (
    requests: AsyncIterable<{ said: Said }>,
    signal: AbortSignal,
  ) => AsyncIterable<{ readonly update: Update }>
  /** The reader's own name of itself, for logs: federation-gateway and where it runs. */
  readonly reader: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** What follows replaces everything that is held, or continues it. What is held stands until `whole` is called. */
  readonly begin: (replaces: boolean) => void
  /** Takes in one update. MUST have its effect when it returns (sessions cut, say): what is acknowledged is in force. */
  readonly apply: (update: Told<Update>) => void | Promise<void>
  /** All up to a position is there: the first time, and whenever `begin(true)` came before, what is held is complete. */
  readonly whole?: (epoch: bigint) => void | Promise<void>
  /** Nobody, at any reader, can act any more on what was before this epoch. 0: that is not known. */
  readonly settled?: (epoch: bigint) => void
  /** How often to ask within a lease; unset: four times. MUST be more than once, or those who change it wait for nobody. */
  readonly asksPerLease?: number
  /** A stopwatch that never goes back; a test has its own. */
  readonly elapsedMs?: () => number
}

const RETRY = { firstMs: 20, mostMs: 1_000 }

/**
 * Follows a feed: takes in what it tells, acknowledges it, and knows until when it may be believed.
 *
 * What is held MUST NOT be acted on unless `fresh`. The lease is counted from the moment an ask was sent, on a stopwatch:
 * neither a slow road, nor a paused process, nor a clock put back, nor anything that is read, prolongs it. A stream that
 * breaks is opened anew, and continued where it broke.
 */
export class Follower<Update extends { readonly case: string | undefined }> {
  readonly #deps: FollowerDeps<Update>
  readonly #lease: Lease
  readonly #elapsedMs: () => number
  #position: Position | undefined
  /** As the feed said last. */
  #leaseMs = LEASE_MS

  constructor(deps: FollowerDeps<Update>) {
    this.#deps = deps
    this.#elapsedMs = deps.elapsedMs ?? elapsed()
    this.#lease = new Lease(this.#elapsedMs)
  }

  /** Whether what is held may be acted on at this moment. */
  get fresh(): boolean {
    return this.#lease.isRunning
  }

  /** How far what is held has come; undefined before it has been whole once. */
  get position(): Position | undefined {
    return this.#position
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, feed, metrics } = this.#deps
    const fresh = metrics.gauge('fed_feed_fresh', 'Whether the lease on what a feed told is running: 1 or 0', ['feed'])
    fresh.set({ feed }, 0)
    for (let failures = 0; !signal.aborted;) {
      let gotOn = false
      try {
        await this.#followOnce(signal, () => {
          gotOn = true
          fresh.set({ feed }, Number(this.fresh))
        })
      } catch (error) {
        if (!signal.aborted) logger.warn({ task: 'follow', stream: feed, error }, 'a feed broke and is opened anew')
      }
      fresh.set({ feed }, Number(this.fresh))
      failures = gotOn ? 1 : failures + 1
      if (!signal.aborted) await clock.sleep(backoffMs(failures, RETRY), signal)
    }
  }

  async #followOnce(signal: AbortSignal, onTick: () => void): Promise<void> {
    const { clock, open } = this.#deps
    const ended = new AbortController()
    const stop = AbortSignal.any([signal, ended.signal])
    const bell = new Doorbell()
    const silence = watchdog(clock, stop, () => ended.abort(new Error('nothing was heard of the feed for too long')))
    const stream: Stream = { isWhole: false, bell, sentAtMs: new Map() }
    try {
      for await (const { update } of open(this.#say(stream, stop), stop)) {
        silence.heard()
        await this.#hear(update, stream)
        if (update.case === 'tick') onTick()
      }
      ended.signal.throwIfAborted()
    } finally {
      ended.abort()
    }
  }

  /** Begin once, then ask: several times in a lease, and at once when there is something to acknowledge. */
  async *#say(stream: Stream, stop: AbortSignal): AsyncGenerator<{ said: Said }> {
    const { reader, clock, asksPerLease = ASKS_PER_LEASE } = this.#deps
    const from = this.#position
    yield { said: { case: 'begin', value: create(BeginSchema, { reader, ...(from && { position: from }) }) } }
    for (let number = 1n; !stop.aborted; number++) {
      const held = stream.isWhole ? this.#position : undefined
      stream.sentAtMs.set(number, this.#elapsedMs())
      yield { said: { case: 'ask', value: create(AskSchema, { number, ...(held && { position: held }) }) } }
      await stream.bell.wait(clock, this.#leaseMs / asksPerLease, stop)
    }
  }

  async #hear(update: Update, stream: Stream): Promise<void> {
    const frame = update as Frame // or something told, which has another `case`
    switch (frame.case) {
      case 'begun':
        if (frame.value.replaces) {
          this.#position = undefined
          this.#deps.settled?.(0n)
        }
        return this.#deps.begin(frame.value.replaces)
      case 'position':
        await this.#settle(() => this.#deps.whole?.(frame.value.epoch))
        this.#position = frame.value
        stream.isWhole = true
        return stream.bell.ring()
      case 'tick':
        return this.#extend(frame.value, stream)
      case 'settled':
        return this.#deps.settled?.(frame.value.epoch)
      case undefined:
        return // an update of a later contract, which says nothing to us
      default:
        return this.#settle(() => this.#deps.apply(update as Told<Update>))
    }
  }

  /** What could be taken in only by half is not believed, and asked for anew from the start. */
  async #settle(take: () => void | Promise<void>): Promise<void> {
    try {
      await take()
    } catch (error) {
      this.#position = undefined
      this.#lease.end()
      throw error
    }
  }

  /** A tick answers one ask; before all is there it vouches for nothing. */
  #extend({ number, leaseMs }: { readonly number: bigint; readonly leaseMs: number }, stream: Stream): void {
    const sentAtMs = stream.sentAtMs.get(number)
    if (!stream.isWhole || sentAtMs === undefined) return
    for (const sent of stream.sentAtMs.keys()) if (sent <= number) stream.sentAtMs.delete(sent)
    this.#leaseMs = Math.min(Math.max(leaseMs, LEASE_MS), LONGEST_LEASE_MS)
    this.#lease.extend(sentAtMs, leaseMs)
  }
}

type Stream = {
  /** Whether a position was told on it: then what is held is as the feed has it. */
  isWhole: boolean
  readonly bell: Doorbell
  readonly sentAtMs: Map<bigint, number>
}
