import { Doorbell, type Clock } from '@powernode/clock'
import { newId, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { sql } from 'kysely'
import type { Head } from './epoch.ts'
import { untilOver } from './lease.ts'
import type { Readers } from './readers.ts'

/** Several times while a beat is good; as often as a lease, since nothing waits for a beat. */
const beatEveryMs = (leaseMs: number): number => Math.min(leaseMs, BEAT_GOOD_MS / 3)
/** A tick needs a beat this young. With what follows, and the longest lease, on stopwatches a tenth apart: whoever was removed as dead has none running. */
const BEAT_GOOD_MS = 3_500
const DEAD_AFTER_MS = 10_000
/** A database that does not answer keeps nobody from stopping. */
const LEAVE_WITHIN_MS = 1_000

export type ReplicaDeps<Tables> = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly elapsedMs: () => number
  readonly logger: Logger
  readonly feed: string
  readonly channel: string
  readonly leaseMs: number
  readonly readers: Readers
  /** How far the feed has come, read after it was asked. */
  readonly readHead: () => Promise<Head>
}

type Said = { readonly acknowledged: number }
type Row = { readonly id: string; readonly beats: number; readonly leaving: boolean; readonly lease_ms: number }

/**
 * This replica's row in `feed_replica`: a promise to whoever revokes anything, on any replica.
 *
 * `acknowledged` says: every reader that may act on a tick of mine has in force what had committed up to here, and each
 * tick to come will have it too. MUST be there before a tick is given, and MUST NOT be removed while a tick's lease
 * runs; README.md has the proof.
 */
export class Replica<Tables> {
  readonly #deps: ReplicaDeps<Tables>
  readonly #bell = new Doorbell()
  readonly #others = new Map<string, { readonly beats: number; readonly sinceMs: number }>()
  #id: string | undefined
  #published = -1n
  #beatAtMs = -Infinity

  constructor(deps: ReplicaDeps<Tables>) {
    this.#deps = deps
  }

  /** Something was acknowledged, or has changed: look whether more can be promised. */
  ring(): void {
    this.#bell.ring()
  }

  /**
   * The last beat that is known to be in the database, to be taken before a read; afterwards `isGood` says whether the
   * tick may be given.
   */
  get beat(): number {
    return this.#beatAtMs
  }

  isGood(beat: number): boolean {
    return this.#deps.elapsedMs() - beat < BEAT_GOOD_MS
  }

  async run(signal: AbortSignal, onBeat: () => void): Promise<void> {
    const beating = this.#beatOn(signal, onBeat)
    await this.#publishOn(signal)
    await beating
    await this.#leave()
  }

  async #beatOn(signal: AbortSignal, onBeat: () => void): Promise<void> {
    const { clock, elapsedMs, logger, feed, leaseMs } = this.#deps
    while (!signal.aborted) {
      const atMs = elapsedMs()
      try {
        await this.#beat()
        this.#beatAtMs = atMs
        onBeat()
        await this.#removeDead()
      } catch (error) {
        logger.warn({ task: 'feed', stream: feed, error }, 'no tick is given: the database does not hear that we live')
      }
      await clock.sleep(beatEveryMs(leaseMs), signal)
    }
  }

  /** A replica whose row was removed begins as another, so that no count is ever seen twice under one id. */
  async #beat(): Promise<void> {
    const { db, feed, clock, leaseMs } = this.#deps
    const { rows } = await sql<Said>`
      update feed_replica set beats = beats + 1 where id = ${this.#id ?? null} returning acknowledged`.execute(db)
    if (rows[0]) {
      this.#published = BigInt(rows[0].acknowledged)
      return
    }
    const id = newId(clock.now())
    await sql`
      insert into feed_replica (id, feed, acknowledged, beats, leaving, lease_ms)
      values (${id}, ${feed}, 0, 0, false, ${leaseMs})`.execute(db)
    this.#id = id
    this.#published = -1n
    this.ring()
  }

  async #publishOn(signal: AbortSignal): Promise<void> {
    const { clock, logger, feed, readers, leaseMs } = this.#deps
    while (!signal.aborted) {
      let waitMs = beatEveryMs(leaseMs)
      try {
        const head = await this.#publish()
        waitMs = Math.min(waitMs, readers.heldBackMs(head.epoch) ?? waitMs)
      } catch (error) {
        this.#published = -1n
        logger.warn({ task: 'feed', stream: feed, error }, 'what readers acknowledged cannot be passed on')
      }
      await this.#bell.wait(clock, waitMs, signal)
    }
  }

  /** First the head, then the readers: one that comes between the two is told of the head. */
  async #publish(): Promise<Head> {
    const { readers, readHead } = this.#deps
    const head = await readHead()
    const positions = [...distinct([head, ...readers.bound()])]
    const least = positions.reduce((low, { epoch }) => (epoch < low ? epoch : low), head.epoch)
    if (least !== this.#published) this.#published = await this.#say(least, positions)
    return head
  }

  /**
   * The promise, in one statement, and only if all it rests on lies in this database's history: what was acknowledged
   * to a database that has been put back since is worth nothing. It need not survive a crash, because less is promised then.
   */
  async #say(least: bigint, positions: readonly Head[]): Promise<bigint> {
    const { db, feed, channel } = this.#deps
    const known = positions.filter(({ epoch }) => epoch > 0n)
    const { rows } = await sql<Said>`
      with quickly as (select set_config('synchronous_commit', 'off', true)),
      said as (
        select count(*) as missing
        from unnest(${known.map(({ epoch }) => String(epoch))}::bigint[], ${known.map(({ mark }) => mark)}::bytea[]) as p (epoch, mark)
        where not exists (
          select 1 from feed_epoch e where e.feed = ${feed} and e.epoch = p.epoch and e.mark = p.mark)
      ),
      written as (
        update feed_replica
        set acknowledged = case when said.missing = 0 then ${String(least)}::bigint else 0 end
        from said, quickly where id = ${this.#id ?? null}
        returning acknowledged
      )
      select acknowledged, pg_notify(${channel}, ${`${feed}:acknowledged`}) from written`.execute(db)
    return BigInt(rows[0]?.acknowledged ?? -1)
  }

  /** By an observer's own stopwatch: a row that has not moved while it looked is a dead replica's. */
  async #removeDead(): Promise<void> {
    const { db, feed, elapsedMs } = this.#deps
    const { rows } = await sql<Row>`
      select id, beats, leaving, lease_ms from feed_replica where feed = ${feed} and id <> ${this.#id ?? null}`.execute(
      db,
    )
    const now = elapsedMs()
    for (const { id, beats, leaving, lease_ms } of rows) {
      const seen = this.#others.get(id)
      if (seen?.beats !== beats) this.#others.set(id, { beats, sinceMs: now })
      // One that leaves gives no tick any more.
      else if (now - seen.sinceMs >= (leaving ? untilOver(lease_ms) : DEAD_AFTER_MS))
        await sql`delete from feed_replica where id = ${id} and beats = ${beats}`.execute(db)
    }
    const there = new Set(rows.map(({ id }) => id))
    for (const id of this.#others.keys()) if (!there.has(id)) this.#others.delete(id)
  }

  /** So that those who revoke after us need not wait for us longer than for our last tick. */
  async #leave(): Promise<void> {
    this.#beatAtMs = -Infinity
    const { db, clock, logger, feed } = this.#deps
    const saying = sql`
      update feed_replica set leaving = true, beats = beats + 1 where id = ${this.#id ?? null}`.execute(db)
    const said = new AbortController()
    saying
      .catch((error: unknown) =>
        logger.info({ task: 'feed', stream: feed, error }, 'could not say that we leave: our row goes in a while'),
      )
      .finally(() => said.abort())
    await clock.sleep(LEAVE_WITHIN_MS, said.signal)
  }
}

function* distinct(positions: readonly Head[]): Generator<Head> {
  const seen = new Set<string>()
  for (const position of positions) {
    const key = `${position.epoch} ${position.mark.toString('hex')}`
    if (!seen.has(key)) yield position
    seen.add(key)
  }
}
