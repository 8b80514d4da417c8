import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { createLogger, createMetrics } from '@powernode/process'
import type { Db } from '@powernode/postgres'
import { testDatabase, testListener } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { epochOf } from '../epoch.ts'
import { Feed, type FeedDeps } from '../feed.ts'
import { Follower, type FollowerDeps } from '../follower.ts'
import type { Frame, Said } from '../frames.ts'
import type { FeedSource } from '../source.ts'
import { FEED_SQL } from '../sql.ts'

export const SCHEMA = 'fixture'
const NEVER = new AbortController().signal

/** Two feeds in one schema: of things, and of others. */
const MIGRATION = `-- breaking: no

${FEED_SQL}
grant usage on schema fixture to fixture;
grant select on feed_epoch to fixture;
grant select, insert, update, delete on feed_replica to fixture;

create table thing (name text primary key, value bigint not null, gone boolean not null default false, epoch bigint not null default 0);
create index thing_by_epoch on thing (epoch);
create trigger thing_fed before insert or update on thing for each row execute function feed_stamp('things');
create table other (name text primary key, value bigint not null, epoch bigint not null default 0);
create trigger other_fed before insert or update on other for each row execute function feed_stamp('others');
grant select, insert, update on thing, other to fixture;
`

export type Tables = {
  thing: { name: string; value: number; gone: boolean; epoch: number }
  other: { name: string; value: number; epoch: number }
}
export type Thing = { name: string; value: number }
export type Update = { case: 'thing'; value: Thing } | { case: 'gone'; value: string } | Frame

const PAGE = 100

/** Rows page by page, as a real source reads them. */
const rowsOf = (table: 'thing' | 'other'): FeedSource<Tables, Update>['readSince'] =>
  async function* read(tx, since) {
    for (let after = ''; ;) {
      const { rows } = await sql<Thing & { gone: boolean }>`
        select name, value, ${table === 'thing' ? sql`gone` : sql`false as gone`} from ${sql.table(table)}
        where epoch > ${String(since)} and name > ${after} order by name limit ${PAGE}`.execute(tx)
      for (const { name, value, gone } of rows)
        yield gone ? { case: 'gone', value: name } : { case: 'thing', value: { name, value } }
      if (rows.length < PAGE) return
      after = rows.at(-1)?.name ?? ''
    }
  }

export const sourceOf = (table: 'thing' | 'other'): FeedSource<Tables, Update> => ({
  readAll: (tx) => rowsOf(table)(tx, -1n),
  readSince: rowsOf(table),
})

export const fixtureDatabase = () => testDatabase<Tables>({ schema: SCHEMA, dir: migrations() })

function migrations(): string {
  const dir = join(tmpdir(), `powernode-feed-${createHash('sha256').update(MIGRATION).digest('hex').slice(0, 16)}`)
  if (existsSync(dir)) return dir
  const unfinished = mkdtempSync(`${dir}-`)
  writeFileSync(join(unfinished, '0001_fixture.sql'), MIGRATION)
  try {
    renameSync(unfinished, dir)
  } catch (error) {
    rmSync(unfinished, { recursive: true })
    if (!existsSync(dir)) throw error // another test process was quicker
  }
  return dir
}

export const logger = createLogger('feed', { level: 'silent' })

/** One process that tells. */
export function startReplica(
  { db, url }: { readonly db: Db<Tables>; readonly url: string },
  said: Partial<FeedDeps<Tables, Update>> = {},
) {
  const feed = new Feed<Tables, Update>({
    db,
    listener: testListener({ url, schema: SCHEMA, applicationName: 'feed-under-test' }),
    schema: SCHEMA,
    clock: systemClock,
    logger,
    metrics: createMetrics('test'),
    feed: 'things',
    source: sourceOf('thing'),
    ...said,
  })
  const stop = new AbortController()
  const running = feed.run(stop.signal)
  return {
    feed,
    async stop() {
      stop.abort()
      await running
    },
  }
}

/** One process that reads: a table of what it was told, which is whole or not there at all. */
export function startReader(
  open: FollowerDeps<Update>['open'] | { feed: Feed<Tables, Update> },
  said: Partial<FollowerDeps<Update>> = {},
) {
  let held = new Map<string, number>()
  let incoming: Map<string, number> | undefined
  const replaced: boolean[] = []
  const follower = new Follower<Update>({
    feed: 'things',
    open: typeof open === 'function' ? open : (requests, signal) => open.feed.follow(requests, signal),
    reader: 'test',
    clock: systemClock,
    logger,
    metrics: createMetrics('test'),
    begin(replaces) {
      replaced.push(replaces)
      incoming = replaces ? new Map() : undefined
    },
    apply(update) {
      const into = incoming ?? held
      if (update.case === 'thing') into.set(update.value.name, update.value.value)
      else into.delete(update.value)
    },
    whole() {
      held = incoming ?? held
      incoming = undefined
    },
    ...said,
  })
  const stop = new AbortController()
  const running = follower.run(stop.signal)
  return {
    follower,
    replaced,
    /** What may be acted on at this moment. */
    allowed: (name: string) => (follower.fresh ? held.get(name) : undefined),
    get held() {
      return held
    },
    async stop() {
      stop.abort()
      await running
    },
  }
}

export type Reading = ReturnType<typeof startReader>

/** Sets a thing, and says at which epoch; with undefined it is gone. */
export function put(db: Db<Tables>, name: string, value: number | undefined): Promise<bigint> {
  return db.transaction().execute(async (tx) => {
    const row = { name, value: value ?? 0, gone: value === undefined }
    await tx
      .insertInto('thing')
      .values({ ...row, epoch: 0 })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
      .execute()
    const epoch = await epochOf(tx, 'things')
    if (epoch === undefined) throw new Error('a change of a thing drew no epoch')
    return epoch
  })
}

/** A road between a reader and a replica: messages can be held up, either way, and it can be cut. */
export function road(to: { feed: Feed<Tables, Update> }) {
  const cut = { now: new AbortController() }
  const asks = new Gate()
  const answers = new Gate()
  const open: FollowerDeps<Update>['open'] = (requests, signal) => {
    const stop = AbortSignal.any([signal, cut.now.signal])
    return answers.through(to.feed.follow(asks.through(requests, stop) as AsyncIterable<{ said: Said }>, stop), stop)
  }
  return {
    open,
    asks,
    answers,
    to,
    cut() {
      cut.now.abort()
      cut.now = new AbortController()
    },
  }
}

/** Lets messages through while it is open; those that come while it is shut arrive when it opens. */
export class Gate {
  #opened = Promise.withResolvers<void>()
  #isOpen = true
  readonly #held = new Set<() => void>()

  shut(): void {
    this.#isOpen = false
  }

  /** Resolves when a message waits. */
  holds(): Promise<void> {
    return new Promise((resolve) => this.#held.add(resolve))
  }

  open(): void {
    this.#isOpen = true
    this.#opened.resolve()
    this.#opened = Promise.withResolvers()
  }

  async *through<Message>(messages: AsyncIterable<Message>, signal: AbortSignal): AsyncGenerator<Message> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    for await (const message of messages) {
      while (!this.#isOpen && !signal.aborted) {
        for (const tell of this.#held) tell()
        this.#held.clear()
        await Promise.race([this.#opened.promise, aborted])
      }
      if (signal.aborted) return
      yield message
    }
  }
}

export { NEVER }
