import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { Clock, Doorbell } from '@powernode/clock'
import type { Db, Listener } from '@powernode/postgres'
import { elapsed, runTasks, type Logger, type Metrics } from '@powernode/process'
import { EnforcementSchema, type Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { Barrier } from './barrier.ts'
import { converse, type Parts } from './conversation.ts'
import { readHead } from './epoch.ts'
import type { Frame, Said } from './frames.ts'
import { LEASE_MS } from './lease.ts'
import { ReadTurns } from './read-changes.ts'
import { Readers } from './readers.ts'
import { Replica } from './replica.ts'
import { SharedChanges } from './shared-changes.ts'
import { sharing } from './sharing.ts'
import type { FeedSource } from './source.ts'
import { channelOf } from './sql.ts'

export type FeedDeps<Tables, Update> = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly schema: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Its name in FEED_SQL: lower-case letters and underscores. */
  readonly feed: string
  readonly source: FeedSource<Tables, Update>
  /** Milliseconds, at most LONGEST_LEASE_MS; unset: a second. Replicas may differ: whoever changes anything waits for the longest. */
  readonly leaseMs?: number
  /** A stopwatch that never goes back; a test has its own. */
  readonly elapsedMs?: () => number
}

const NEVER = new AbortController().signal

/**
 * One feed of a schema: what changes, told to every reader of every replica, under a lease (powernode.feed.v1).
 *
 * Nothing is kept here of what is told: each reader's stream reads from the database what it lacks, so several replicas,
 * readers that change between them, and readers that come back after an hour, are all one case.
 */
export class Feed<Tables, Update> {
  readonly #deps: FeedDeps<Tables, Update>
  readonly #parts: Parts<Tables, Update>
  readonly #barrier: Barrier<Tables>
  readonly #bells = new Set<Doorbell>()
  readonly #readers: Readers
  readonly #elapsedMs: () => number
  #settled = 0n

  constructor(deps: FeedDeps<Tables, Update>) {
    const { db, schema, feed, metrics, leaseMs = LEASE_MS } = deps
    this.#deps = deps
    this.#elapsedMs = deps.elapsedMs ?? elapsed()
    this.#readers = new Readers(this.#elapsedMs, leaseMs)
    const head = sharing(() => readHead(db, feed))
    const common = { ...deps, leaseMs, elapsedMs: this.#elapsedMs, readers: this.#readers, readHead: head }
    const replica = new Replica<Tables>({ ...common, channel: channelOf(schema) })
    const reading = { ...common, turns: new ReadTurns() }
    this.#parts = {
      ...reading,
      replica,
      bells: this.#bells,
      settled: () => this.#settled,
      shared: new SharedChanges(reading),
    }
    this.#barrier = new Barrier(common)
    metrics.gauge('fed_feed_readers', 'Open streams of a feed', ['feed']).set({ feed }, 0)
  }

  /** Listens, and vouches for this replica's readers; without it no tick is given. */
  async run(signal: AbortSignal): Promise<void> {
    const { listener, schema } = this.#deps
    await runTasks(signal, [
      (stop) => listener.listen(channelOf(schema), (payload) => this.#ring(payload), stop),
      (stop) => this.#parts.replica.run(stop, () => this.#ringReaders()),
    ])
  }

  /** The body of a Watch… RPC: one reader's stream, until it ends or `signal` aborts. */
  async *follow(
    requests: AsyncIterable<{ readonly said: Said }>,
    signal: AbortSignal,
  ): AsyncGenerator<{ update: Update | Frame }> {
    const { metrics, feed } = this.#deps
    const open = metrics.gauge('fed_feed_readers', 'Open streams of a feed', ['feed'])
    open.inc({ feed })
    void this.#settle()
    try {
      yield* converse(this.#parts, requests, signal)
    } finally {
      open.dec({ feed })
    }
  }

  /**
   * Returns when no live reader, of any replica, can still act on what was before `epoch`.
   *
   * MUST be called after the commit that drew it (`epochOf`). It takes as long as the slowest reader, and at most a lease.
   */
  async enforced(epoch: bigint, signal: AbortSignal = NEVER): Promise<Enforcement> {
    const { metrics, feed } = this.#deps
    const startedMs = this.#elapsedMs()
    const by = await this.#barrier.passed(epoch, signal)
    const tookMs = this.#elapsedMs() - startedMs
    metrics
      .histogram(
        'fed_feed_enforcement_seconds',
        'From the commit of a change until nobody can act on what was before',
        ['feed', 'by'],
      ) // prettier-ignore
      .observe({ feed, by }, tookMs / 1_000)
    return create(EnforcementSchema, { epoch, by, took: durationFromMs(Math.ceil(tookMs)) })
  }

  #ring(payload: string | undefined): void {
    const { feed } = this.#deps
    const isAcknowledged = payload === `${feed}:acknowledged`
    if (payload !== undefined && payload !== feed && !isAcknowledged) return
    this.#barrier.ring()
    if (isAcknowledged) return void this.#settle()
    this.#parts.replica.ring()
    this.#ringReaders()
  }

  /** Readers are told how far it is settled as soon as that is known. */
  async #settle(): Promise<void> {
    const settled = await this.#barrier.settled()
    if (settled === this.#settled) return
    this.#settled = settled
    this.#ringReaders()
  }

  #ringReaders(): void {
    for (const bell of this.#bells) bell.ring()
  }
}
