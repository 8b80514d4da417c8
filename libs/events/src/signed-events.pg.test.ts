import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import {
  certificatesToPem,
  createAuthority,
  createCrls,
  createCsr,
  derToPem,
  issueCertificate,
  readTlsFiles,
  tlsContentOf,
  writeTlsFiles,
  type Authority,
} from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import { sql } from 'kysely'
import { connect, headers, type JsMsg } from 'nats'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  append,
  consume,
  INBOX_SQL,
  openBus,
  OUTBOX_SQL,
  outboxIsEmpty,
  pendingDeliveries,
  relay,
  SIGNATURE_HEADER,
  type Bus,
  type RawSubscription,
} from './index.ts'
import { deliver } from './deliver.ts'
import { keptLog, startTestNats, type TestNats, testSigner, until } from './testing.ts'

type Tables = { effect: { position: number; kind: string } }

const SCHEMA = 'signed_test'
const STREAM = 'GRANT_AUTHZ'
const DAY_MS = 86_400_000
const NEVER = new AbortController().signal
const migrations = mkdtempSync(join(tmpdir(), 'powernode-test-signed-'))
writeFileSync(
  join(migrations, '0001_events.sql'),
  `-- breaking: no
${OUTBOX_SQL}
${INBOX_SQL}
create table effect (position bigint generated always as identity, kind text not null);
grant select, insert, update, delete on outbox, inbox to ${SCHEMA};
grant select, insert, update on outbox_stream to ${SCHEMA};
grant select, insert on dead_letter, effect to ${SCHEMA};
`,
)

const { logger, begin } = keptLog('signed-test')
let database: TestDatabase<Tables>
let nats: TestNats
let authority: Authority
/** grant-authz announces, audit-ledger hears. */
let publisher: { readonly dir: string; readonly bus: Bus }
let listener: { readonly dir: string; readonly bus: Bus }
let stopping: AbortController
let running: Promise<void>[]

beforeEach(async (context) => {
  begin(context)
  authority = await authorityOf(1)
  ;[database, nats] = await Promise.all([testDatabase<Tables>({ schema: SCHEMA, dir: migrations }), startTestNats()])
  ;[publisher, listener] = await Promise.all([busOf('grant-authz'), busOf('audit-ledger')])
  stopping = new AbortController()
  running = []
})
afterEach(async () => {
  stopping.abort()
  await Promise.all(running)
  for (const { bus, dir } of [publisher, listener]) {
    await bus.close()
    rmSync(dir, { recursive: true })
  }
  await nats.stop()
  await database.drop()
})

/** As old as a CA is by the time that certificates of it have ended. */
function authorityOf(generation: number): Promise<Authority> {
  const now = new Date(systemClock.now().getTime() - 60 * DAY_MS)
  return createAuthority({ trustDomain: 'a.test', generation, now })
}

async function busOf(name: string, ca = authority): Promise<{ dir: string; bus: Bus }> {
  const dir = await testSigner(name, ca)
  return { dir, bus: await openBus({ servers: nats.url, tlsDir: undefined, identityDir: dir, name }) }
}

const deps = (bus: Bus) => ({ db: database.db, bus, clock: systemClock, logger, metrics: createMetrics('signed-test') })

function startRelay(): void {
  const listener = testListener({ url: database.url, schema: SCHEMA })
  running.push(relay({ ...deps(publisher.bus), listener, schema: SCHEMA, stream: STREAM }, stopping.signal))
}

const ROW: RawSubscription<Tables> = {
  consumer: 'test--signed',
  stream: STREAM,
  inOrder: true,
  handle: async (tx, _now, { kind }) => sql`insert into effect (kind) values (${kind})`.execute(tx),
}

function startConsumer(): void {
  running.push(consume(deps(listener.bus), ROW, stopping.signal))
}

async function announce(kind: string): Promise<void> {
  const payload = create(GrantChangedSchema, { grant: { id: 'g' } })
  const about = { noun: 'grant', word: 'issued', id: 'g', kind, actor: 'operator/test', payload } as const
  await inTransaction(database.db, (tx) => append(tx, { ...about, at: systemClock.now() }))
}

async function heard(): Promise<string[]> {
  const { rows } = await sql<{ kind: string }>`select kind from effect order by position`.execute(database.db)
  return rows.map(({ kind }) => kind)
}

async function buried(): Promise<string[]> {
  const { rows } = await sql<{ reason: string }>`select reason from dead_letter order by buried_at`.execute(database.db)
  return rows.map(({ reason }) => reason)
}

async function hearing(...kinds: string[]): Promise<void> {
  await expect.poll(heard).toEqual(kinds)
}

async function burying(...reasons: string[]): Promise<void> {
  await expect.poll(buried).toEqual(reasons)
}

let made = 0
function event(kind: string, source = 'grant-authz'): Uint8Array {
  const id = `019f0000-0000-7000-8000-${(++made).toString(16).padStart(12, '0')}`
  return toBinary(EventSchema, create(EventSchema, { id, kind, source }))
}

const SUBJECT = 'fed.grant.issued.g'
const signedBy = (bus: Bus, data: Uint8Array, { subject = SUBJECT, at = systemClock.now() } = {}) =>
  bus.identity().signer.sign(data, { subject, at })

/** A delivery of just these bytes, as the client hands it over; what came of it is in the tables. */
async function hear(data: Uint8Array, signature: string | undefined, subject = SUBJECT): Promise<void> {
  const said = headers()
  if (signature !== undefined) said.set(SIGNATURE_HEADER, signature)
  const info = { deliveryCount: 1, stream: STREAM, timestampNanos: ++made }
  const msg = { data, subject, headers: said, seq: made, info, ack() {}, nak() {}, term() {} }
  await deliver(deps(listener.bus), ROW, msg as unknown as JsMsg) // as much of one as is looked at
}

/** A certificate of grant-authz with the life that a test wants. */
async function renew(
  { dir }: { readonly dir: string },
  { from = 0, days = 1, ca = authority }: { from?: number; days?: number; ca?: Authority } = {},
): Promise<void> {
  const { csrDer, privateKeyPkcs8Der } = await createCsr()
  const notBefore = new Date(systemClock.now().getTime() + from * DAY_MS)
  const { chain } = await issueCertificate(ca, {
    holder: { csrDer },
    spiffeId: { trustDomain: 'a.test', kind: 'service', name: 'grant-authz' },
    notBefore,
    notAfter: new Date(notBefore.getTime() + days * DAY_MS),
    usages: ['server', 'client'],
  })
  const before = readTlsFiles(dir)
  const roots = [ca.rootCertificate]
  writeTlsFiles(dir, { ...tlsContentOf({ chain, privateKeyPkcs8Der, roots }), ca: before.ca, crl: before.crl })
  const { serial } = readTlsFiles(dir)
  const followed = dir === publisher.dir ? publisher.bus : undefined
  await until(() => !followed || followed.identity().signer.serial === serial)
}

/** Whom both sides trust from now on. */
async function trust(roots: readonly Authority[], revoked: readonly string[] = []): Promise<void> {
  const now = systemClock.now()
  const times = { number: ++made, now, nextUpdate: new Date(now.getTime() + DAY_MS) }
  const entries = revoked.map((serial) => ({ serial, revokedAt: now }))
  const lists = (await Promise.all(roots.map((one) => createCrls(one, entries, times)))).flat()
  const crl = lists.map((der) => derToPem(der, 'X509 CRL'))
  const ca = certificatesToPem(roots.map(({ rootCertificate }) => rootCertificate))
  for (const { dir, bus } of [listener, publisher]) {
    const { standing } = bus.identity()
    writeTlsFiles(dir, { ...readTlsFiles(dir), ca, crl })
    await until(() => bus.identity().standing !== standing)
  }
}

test('what the owner of NATS, or another service, writes into the stream is laid aside and holds up nothing', async () => {
  startRelay()
  startConsumer()
  await announce('first')
  await hearing('first')
  const stranger = await busOf('grant-authz', await authorityOf(1))
  const liveness = await busOf('liveness')
  const connection = await connect({ servers: nats.url })
  const put = async (data: Uint8Array, signature?: string) => {
    const said = headers()
    if (signature !== undefined) said.set(SIGNATURE_HEADER, signature)
    await connection.jetstream().publish(SUBJECT, data, { headers: said })
  }
  const [forged, moved] = [event('forged'), event('moved')]
  await put(forged)
  await put(forged, 'no signature at all')
  await put(forged, signedBy(stranger.bus, forged))
  await put(forged, signedBy(liveness.bus, forged))
  await put(forged, signedBy(publisher.bus, event('another')))
  await put(moved, signedBy(publisher.bus, moved, { subject: 'fed.grant.revoked.g' }))
  const lie = event('lie', 'peer-registry')
  await put(lie, signedBy(publisher.bus, lie))
  await connection.close()
  await announce('last')
  await hearing('first', 'last')
  await burying(
    'SIGNATURE_MISSING',
    'SIGNATURE_INVALID',
    'SIGNER_UNTRUSTED',
    'SIGNER_NOT_OWNER',
    'SIGNATURE_INVALID',
    'SUBJECT_WRONG',
    'SIGNER_NOT_OWNER',
  )
  for (const { bus, dir } of [stranger, liveness]) {
    await bus.close()
    rmSync(dir, { recursive: true })
  }
})

test('a consumer that NATS hands what it never asked for does not act on it', async () => {
  const row = { ...ROW, subject: 'fed.grant.issued.*' } as const
  const data = event('moved')
  const subject = 'fed.grant.revoked.g'
  const said = headers()
  said.set(SIGNATURE_HEADER, signedBy(publisher.bus, data, { subject }))
  const info = { deliveryCount: 1, stream: STREAM, timestampNanos: 1 }
  const msg = { data, subject, headers: said, seq: 1, info, ack() {}, nak() {}, term() {} }
  await deliver(deps(listener.bus), row, msg as unknown as JsMsg) // as much of one as is looked at
  expect([await heard(), await buried()]).toEqual([[], ['SUBJECT_WRONG']])
})

test('news of a certificate that has ended since is believed, for it waited in the stream', async () => {
  await renew(publisher, { from: -8, days: 7 })
  const before = new Date(systemClock.now().getTime() - 2 * DAY_MS)
  const waited = event('waited')
  await hear(waited, signedBy(publisher.bus, waited, { at: before }))
  expect([await heard(), await buried()]).toEqual([['waited'], []])
})

test('a thief of an old key cannot write history: not once newer news is here, not from before the stream began', async () => {
  const old = await busOf('grant-authz')
  await renew(old, { from: -8, days: 7 })
  await until(() => old.bus.identity().signer.flawAt(systemClock.now()) !== undefined)
  const at = new Date(systemClock.now().getTime() - 2 * DAY_MS)
  const fresh = event('fresh')
  await hear(fresh, signedBy(publisher.bus, fresh))
  const history = event('history')
  await hear(history, signedBy(old.bus, history, { at }))
  const now = event('now')
  await hear(now, signedBy(old.bus, now))
  expect([await heard(), await buried()]).toEqual([['fresh'], ['SIGNER_OUTLIVED', 'SIGNER_UNTRUSTED']])
  await old.bus.close()
  rmSync(old.dir, { recursive: true })
})

test('news older than anything that can wait is refused, however good its certificate', async () => {
  await renew(publisher, { from: -40, days: 80 })
  const ancient = event('ancient')
  const at = (days: number) => new Date(systemClock.now().getTime() - days * DAY_MS)
  await hear(ancient, signedBy(publisher.bus, ancient, { at: at(31.5) }))
  expect([await heard(), await buried()]).toEqual([[], ['SIGNED_TOO_LONG_AGO']])
  await hear(ancient, signedBy(publisher.bus, ancient, { at: at(30.5) }))
  expect(await heard()).toEqual(['ancient'])
})

test('an event that NATS withholds is missed as soon as a later one of its service is heard, and holds up nothing', async () => {
  const lines: string[] = []
  const loud = createLogger('signed-test', { destination: { write: (line) => void lines.push(line) } })
  const metrics = createMetrics('signed-test')
  startRelay()
  for (const kind of ['one', 'withheld', 'three', 'four']) await announce(kind)
  const { rows } = await sql<{ id: string }>`select id from outbox order by position`.execute(database.db)
  await until(() => outboxIsEmpty(database.db))
  const connection = await listener.bus.connection(NEVER)
  const jsm = await connection!.jetstreamManager()
  for (const seq of [1, 3, 4]) {
    const { data, subject, header } = await jsm.streams.getMessage(STREAM, { seq })
    const info = { deliveryCount: 1, stream: STREAM, timestampNanos: seq }
    const msg = { data, subject, headers: header, seq, info, ack() {}, nak() {}, term() {} }
    await deliver({ ...deps(listener.bus), logger: loud, metrics }, ROW, msg as unknown as JsMsg) // as much of one as is looked at
  }
  expect(await heard()).toEqual(['one', 'three', 'four'])
  const missed = lines.map((line) => JSON.parse(line) as { level: string; event_id?: string })
  expect(missed.flatMap(({ level, event_id }) => (level === 'error' ? [event_id] : []))).toEqual([rows[1]?.id])
  expect(await metrics.registry.getSingleMetricAsString('fed_events_missing_total')).toContain('} 1')
})

test('what was handled is a repeat, whatever became of its signature', async () => {
  const data = event('once')
  await hear(data, signedBy(publisher.bus, data))
  await hear(data, undefined)
  expect([await heard(), await buried()]).toEqual([['once'], []])
})

test('a revoked certificate is refused whatever time it names, and the relay says again what it had signed with it', async () => {
  startRelay()
  await announce('one')
  await announce('two')
  const { serial } = publisher.bus.identity().signer
  await until(async () => (await sql`select 1 from outbox where signed_by = ${serial}`.execute(database.db)).rows.length === 2) // prettier-ignore
  await trust([authority], [serial])
  await announce('three')
  startConsumer()
  await burying('SIGNER_REVOKED', 'SIGNER_REVOKED')
  expect(await heard()).toEqual([])
  await renew(publisher)
  await hearing('one', 'two', 'three')
})

test('when a root is trusted no more, what was signed under it is said again under the new one, and nothing is lost', async () => {
  startRelay()
  await announce('one')
  await until(() => outboxIsEmpty(database.db))
  const next = await authorityOf(2)
  await trust([authority, next])
  await renew(publisher, { ca: next })
  await announce('two')
  await trust([next])
  startConsumer()
  await expect.poll(async () => (await heard()).toSorted()).toEqual(['one', 'two'])
  await until(async () => (await pendingDeliveries(listener.bus, NEVER)) === 0)
  expect((await heard()).length).toBe(2)
})

test('a service without a certificate that anybody would believe keeps its news until it has one', async () => {
  await renew(publisher, { from: -8, days: 7 })
  startRelay()
  startConsumer()
  await announce('patient')
  const waits = () => sql`select 1 from outbox where published_at is null`.execute(database.db)
  expect((await waits()).rows).toHaveLength(1)
  expect(await buried()).toEqual([])
  await renew(publisher)
  await hearing('patient')
  expect(await buried()).toEqual([])
})

test('a forger fills no disk: of what nobody owns up to, a thousand letters are kept', async () => {
  await sql`
    insert into dead_letter (consumer, letter_id, subject, reason, detail, message, buried_at)
    select ${ROW.consumer}, 'x' || n, 'fed.grant.issued.g', 'SIGNATURE_MISSING', '', '', ${systemClock.now()}
    from generate_series(1, 999) n`.execute(database.db)
  for (const kind of ['a', 'b', 'c']) await hear(event(kind), undefined)
  expect(await buried()).toHaveLength(1_000)
})
