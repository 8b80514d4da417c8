import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createClient, type Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { createBatcher, inTransaction, newId, openDb, type Db } from '@powernode/postgres'
import { testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { NewEntrySchema, type NewEntry as WireEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { sql } from 'kysely'
import type { NewEntry } from '../../services/audit-ledger/src/new-entry.ts'
import { appendBatch } from '../../services/audit-ledger/src/operations/append/append-batch.ts'
import type { Held } from '../../services/audit-ledger/src/operations/append/growth.ts'
import { CHECKPOINT_CHANNEL } from '../../services/audit-ledger/src/store/checkpoints.ts'
import type { Tables } from '../../services/audit-ledger/src/store/tables.ts'
import { makeIdentities, roadTo } from './own-server.ts'
import { withPostgres } from './own-postgres.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'
import { startThread } from './thread.ts'

const RUNS = 5
const APPENDERS = 64
const APPENDS_A_RUN = 60_000
const PROVEN_SIZE = 1_000_000
const PROOFS = 2_000
const LOADED_AT_ONCE = 8_192
/** Messages of entries under way on the stream: while one is committed the next is on its way. */
const UNDER_WAY = 2
const PEER = randomUUID()
/** With it the leaf of an entry has 300 bytes, and the payload has as many. */
const RESOURCE = 'skill/reader'
const PAYLOAD = Buffer.from(JSON.stringify({ detail: 'd'.repeat(287) }))

/** Durable appends of 64 callers through the real stream, mTLS and tree, beside the same rows by a bare group commit. */
export async function run(): Promise<Report> {
  return withPostgres(async () => {
    const database = await testDatabase<Tables>({
      schema: 'audit_ledger',
      dir: new URL('../../services/audit-ledger/migrations', import.meta.url),
    })
    const ledger = await startLedger(database)
    const bare = await bareTables(database)
    try {
      await ours(ledger, APPENDS_A_RUN / 4) // everything is compiled and connected after this
      await limit(bare, APPENDS_A_RUN / 4)
      const [rates, limits, waits, signed]: [number[], number[], number[], number[]] = [[], [], [], []]
      for (let at = 1; at <= RUNS; at++) {
        const one = await ours(ledger, APPENDS_A_RUN)
        rates.push(one.rate)
        for (const wait of one.waits) waits.push(wait)
        for (const lag of one.signed) signed.push(lag)
        limits.push(await limit(bare, APPENDS_A_RUN))
        say(`run ${at}: ours ${one.rate.toFixed(0)} appends/s, bare group commit ${limits.at(-1)!.toFixed(0)} rows/s`)
      }
      const signed_p99_ms = rounded(quantile(signed, 0.99), 1)
      say(`commit to signed checkpoint: p50 ${rounded(quantile(signed, 0.5), 1)} ms, p99 ${signed_p99_ms} ms`)
      const proofs = await prove(database, ledger)
      return {
        bench: 'ledger-append',
        unit: 'durable appends/s',
        ours: rounded(median(rates), 0),
        limit: rounded(median(limits), 0),
        ratio: rounded(median(rates) / median(limits), 3),
        p50_ms: rounded(quantile(waits, 0.5)),
        p99_ms: rounded(quantile(waits, 0.99)),
        runs: rates.map((rate) => rounded(rate, 0)),
        signed_p99_ms,
        ...proofs,
      }
    } finally {
      await ledger.stop()
      await bare.destroy()
      await database.drop()
    }
  })
}

type Ledger = Awaited<ReturnType<typeof startLedger>>

async function startLedger({ url, db }: TestDatabase<Tables>) {
  const { dirs, remove } = await makeIdentities('audit-ledger', { kind: 'service', name: 'federation-gateway' })
  const server = await startThread('ledger-door.ts', { url, tlsDir: dirs.server })
  const hangUp = new AbortController()
  const client = createClient(AuditLedgerService, roadTo('audit-ledger', server.port, dirs.caller, hangUp.signal))
  return {
    url,
    db,
    client,
    async stop() {
      hangUp.abort()
      await server.stop()
      remove()
    },
  }
}

function entry(): WireEntry {
  const now = systemClock.now()
  const id = newId(now)
  return create(NewEntrySchema, {
    id,
    log: PEER,
    action: 'federation.call.allowed',
    at: timestampFromDate(now),
    actor: 'platform',
    direction: 'out',
    decisionId: id,
    resource: RESOURCE,
    contentId: id,
    payload: PAYLOAD,
  })
}

/** Each of 64 callers waits for its append before it makes the next; the gateway's side of the stream collects what they say. */
async function ours({ client, url }: Ledger, appends: number) {
  const stream = appendStream(client)
  const [waits, answered]: [number[], { readonly sequence: number; readonly at: number }[]] = [[], []]
  const checkpoints = await followCheckpoints(url)
  const startedAt = performance.now()
  let left = appends
  await Promise.all(
    Array.from({ length: APPENDERS }, async () => {
      while (left-- > 0) {
        const saidAt = performance.now()
        const sequence = await stream.append(entry())
        const at = performance.now()
        waits.push(at - saidAt)
        answered.push({ sequence, at })
      }
    }),
  )
  const rate = appends / ((performance.now() - startedAt) / 1_000)
  await stream.end()
  const last = Math.max(...answered.slice(-APPENDERS).map(({ sequence }) => sequence))
  const signings = await checkpoints.until(last + 1)
  return { rate, waits, signed: lags(answered, signings) }
}

function appendStream(client: Client<typeof AuditLedgerService>) {
  type Waiting = { readonly entry: WireEntry; readonly resolve: (sequence: number) => void }
  let waiting: Waiting[] = []
  const sent: Waiting[][] = []
  let ended = false
  let wake = () => {}
  async function* messages() {
    for (let number = 1n; !ended; number++) {
      while (!ended && (waiting.length === 0 || sent.length >= UNDER_WAY)) {
        await new Promise<void>((resolve) => (wake = resolve))
      }
      if (ended) return
      const batch = waiting
      waiting = []
      sent.push(batch)
      yield { number, entries: batch.map(({ entry }) => entry) }
    }
  }
  const reading = (async () => {
    for await (const { places } of client.appendStream(messages())) {
      const batch = sent.shift() ?? []
      batch.forEach(({ resolve }, at) => resolve(Number(places[at]?.sequence)))
      wake()
    }
  })()
  return {
    append: (entry: WireEntry) =>
      new Promise<number>((resolve) => {
        waiting.push({ entry, resolve })
        if (waiting.length === 1) setImmediate(() => wake())
      }),
    async end() {
      ended = true
      wake()
      await reading
    },
  }
}

/** When each size of the hot log was signed, as somebody who waits for it hears. */
async function followCheckpoints(url: string) {
  const db = openDb<Tables>({ url, schema: 'audit_ledger', applicationName: 'bench-follow', max: 1 })
  const signings: { size: number; at: number }[] = []
  const stop = new AbortController()
  const connected = Promise.withResolvers<void>()
  let change = Promise.withResolvers<void>()
  const hear = () => {
    const at = performance.now()
    connected.resolve()
    void sql<{ size: number | null }>`
      select max(size) as size from checkpoint join log on log.id = log_id where log.name = ${PEER}`
      .execute(db)
      .then(({ rows }) => {
        signings.push({ size: rows[0]?.size ?? 0, at })
        change.resolve()
      })
  }
  const following = testListener({ url, schema: 'audit_ledger' }).listen(CHECKPOINT_CHANNEL, hear, stop.signal)
  await connected.promise
  return {
    async until(size: number) {
      while ((signings.at(-1)?.size ?? 0) < size) {
        await change.promise
        change = Promise.withResolvers()
      }
      stop.abort()
      await following
      await db.destroy()
      return signings
    },
  }
}

function lags(
  answered: readonly { readonly sequence: number; readonly at: number }[],
  signings: readonly { readonly size: number; readonly at: number }[],
): number[] {
  const inOrder = [...answered].sort((a, b) => a.sequence - b.sequence)
  let next = 0
  return inOrder.map(({ sequence, at }) => {
    while ((signings[next]?.size ?? Number.MAX_SAFE_INTEGER) <= sequence) next++
    return Math.max(0, (signings[next]?.at ?? Number.POSITIVE_INFINITY) - at)
  })
}

/** Tables with the same columns and keys, and nothing else: no tree, no checks, no order to keep. */
async function bareTables({ url, ownerUrl }: TestDatabase<Tables>): Promise<Db<Tables>> {
  const owner = openDb<Tables>({ url: ownerUrl, schema: 'audit_ledger', applicationName: 'bench' })
  for (const name of ['entry', 'payload']) {
    await sql`create table ${sql.ref(`bare_${name}`)} (like ${sql.ref(name)} including indexes)`.execute(owner)
    await sql`grant select, insert on ${sql.ref(`bare_${name}`)} to audit_ledger`.execute(owner)
  }
  await owner.destroy()
  return openDb<Tables>({ url, schema: 'audit_ledger', applicationName: 'bench', max: 1 })
}

const LEAF = 'x'.repeat(300)
const BODY = PAYLOAD.toString()
const [SALT, HASH] = [randomBytes(16).toString('hex'), randomBytes(32).toString('hex')]
let bareRows = 0

/** The same callers and rows through a group commit of one lane. */
async function limit(db: Db<Tables>, rows: number): Promise<number> {
  type Row = { readonly id: string; readonly at: Date }
  const flush = async (items: readonly Row[]) => {
    const sequences = items.map(() => bareRows++)
    const of = (text: string) => items.map(() => text)
    await inTransaction(db, async (tx) => {
      await sql`
        insert into bare_entry (log_id, sequence, id, action, at, direction, leaf, leaf_hash)
        select 1, e.sequence, e.id, 'federation.call.allowed', to_timestamp(e.at / 1000), 'out', convert_to(e.leaf, 'UTF8'), decode(e.hash, 'hex')
        from unnest(${sequences}::bigint[], ${items.map(({ id }) => id)}::uuid[], ${items.map(({ at }) => at.getTime())}::float8[],
          ${of(LEAF)}::text[], ${of(HASH)}::text[]) as e (sequence, id, at, leaf, hash)`.execute(tx)
      await sql`
        insert into bare_payload (log_id, sequence, salt, body, disclosed)
        select 1, p.sequence, decode(p.salt, 'hex'), p.body, false
        from unnest(${sequences}::bigint[], ${of(SALT)}::text[], ${of(BODY)}::text[]) as p (sequence, salt, body)`.execute(
        tx,
      )
    })
    return sequences
  }
  const batcher = createBatcher(flush, { maxItems: 1_024 })
  const startedAt = performance.now()
  let left = rows
  await Promise.all(
    Array.from({ length: APPENDERS }, async () => {
      while (left-- > 0) {
        const at = systemClock.now()
        await batcher.add({ id: newId(at), at })
      }
    }),
  )
  return rows / ((performance.now() - startedAt) / 1_000)
}

/** Inclusion proofs from the service, at a million entries. */
async function prove({ db }: TestDatabase<Tables>, { client }: Ledger) {
  const startedAt = performance.now()
  let held: ReadonlyMap<string, Held> = new Map()
  for (let size = 0; size < PROVEN_SIZE;) {
    const items = Array.from({ length: LOADED_AT_ONCE }, loaded)
    const batch = { items, held }
    const { grown } = await inTransaction(db, (tx) => appendBatch(tx, systemClock.now(), batch))
    held = grown
    size = grown.get(PEER)?.edge.size ?? size
  }
  await client.append({ entries: [entry()], receipts: true }) // comes back when all of it is signed
  const load_s = (performance.now() - startedAt) / 1_000
  say(`${PROVEN_SIZE} entries after ${load_s.toFixed(0)} s`)
  const waits: number[] = []
  for (let n = 0; n < PROOFS; n++) {
    const sequence = BigInt(randomInt(PROVEN_SIZE))
    const askedAt = performance.now()
    await client.proveEntry({ log: PEER, sequence })
    waits.push(performance.now() - askedAt)
  }
  const [proof_p50_ms, proof_p99_ms] = [rounded(quantile(waits, 0.5)), rounded(quantile(waits, 0.99))]
  say(`inclusion proofs: p50 ${proof_p50_ms} ms, p99 ${proof_p99_ms} ms`)
  return { proof_p50_ms, proof_p99_ms, load_s: rounded(load_s, 1) }
}

function loaded(): NewEntry {
  const at = systemClock.now()
  const id = newId(at)
  const said = {
    log: PEER,
    action: 'federation.call.allowed',
    actor: 'platform',
    direction: 'out',
    resource: RESOURCE,
  } as const
  return { ...said, id, at, decisionId: id, contentId: id, payload: PAYLOAD, disclosed: false }
}
