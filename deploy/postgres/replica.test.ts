import { create } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { OrderRefused } from '@powernode/node-agent/replica'
import { MemberOrderSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ROLE, TwoServers } from './two-servers.ts'

const never = AbortSignal.any([])
let two: TwoServers

beforeAll(async () => {
  two = await TwoServers.start()
  await two.admit()
  const admin = await two.asAdmin()
  await admin.query('create table liveness.beat (id bigint primary key, at timestamptz)')
  await admin.query('grant select, insert on liveness.beat to liveness')
})
afterAll(() => two.stop())
beforeEach(async () => {
  await (await two.asAdmin()).query('truncate liveness.beat')
})

async function untilStreaming(): Promise<void> {
  const client = await two.asProvisioner()
  const watch = async () =>
    (await client.query('select state, active, role_name from replication_admin.watch()')).rows[0]
  await expect.poll(watch, { interval: 20 }).toMatchObject({ state: 'streaming', active: true, role_name: ROLE })
}

async function facts(): Promise<{ lsn: string; timeline: number }> {
  const client = await two.asProvisioner()
  return (await client.query('select lsn::text as lsn, timeline from replication_admin.facts()')).rows[0]
}

test('a copy that was cut short is no copy: the next attempt begins anew', async () => {
  await (await two.asAdmin()).query('insert into liveness.beat (id) values (1)')
  const stopping = new AbortController()
  const first = two.replica.clone(two.membership, stopping.signal, () => stopping.abort(new Error('power cut')))
  await expect(first).rejects.toThrow('power cut')
  expect(two.replica.isCloned).toBe(false)
  await two.replica.clone(two.membership, never)
  expect(await two.replica.status()).toMatchObject({ inRecovery: true })
  expect((await (await two.onReplica()).query('select id from liveness.beat')).rows).toEqual([{ id: '1' }])
})

test('a member copies its primary, follows it over TLS, and is read while it follows', async () => {
  const admin = await two.asAdmin()
  await admin.query('insert into liveness.beat (id) values (2)')
  await untilStreaming()
  const copy = await two.onReplica()
  await expect.poll(async () => (await copy.query('select id from liveness.beat')).rows).toEqual([{ id: '2' }])
  await expect(copy.query('insert into liveness.beat (id) values (3)')).rejects.toThrow(/read-only/)
  const secured = await admin.query(
    'select ssl, client_dn, version from pg_stat_ssl s join pg_stat_replication r using (pid)',
  )
  expect(secured.rows).toEqual([{ ssl: true, client_dn: `/OU=instance/CN=${ROLE}`, version: 'TLSv1.3' }])
})

test('at a hundred writes a second each row is to be read on the member within a second', async () => {
  await untilStreaming()
  const [writer, copy] = [await two.as('liveness'), await two.onReplica()]
  await expect.poll(async () => (await copy.query('select 1 from liveness.beat')).rowCount).toBe(0)
  const committed = new Map<number, number>()
  const lags: number[] = []
  const writes = 300
  const reading = (async () => {
    for (let seen = 0; seen < writes;) {
      const { rows } = await copy.query('select id from liveness.beat where id > $1 order by id', [seen])
      for (const { id } of rows) lags.push(performance.now() - (committed.get(Number(id)) ?? performance.now()))
      seen += rows.length
    }
  })()
  const began = performance.now()
  for (let id = 1; id <= writes; id++) {
    await writer.query('insert into liveness.beat (id) values ($1)', [id])
    committed.set(id, performance.now())
    await systemClock.sleep(Math.max(0, began + id * 10 - performance.now()), never)
  }
  await reading
  expect(lags.toSorted((a, b) => a - b)[writes / 2]).toBeLessThan(1_000) // the last of them may be late where the machine is busy
})

test('another password is heard without an end of the stream, and the old one opens nothing any more', async () => {
  await untilStreaming()
  await two.admit('second')
  two.replica.reconfigure({ ...two.membership, password: 'second' })
  const admin = await two.asAdmin()
  const cut = async () => {
    const { rows } = await admin.query('select pid, pg_terminate_backend(pid) from pg_stat_replication')
    const ended = rows.map(({ pid }) => pid)
    const left = () => admin.query('select 1 from pg_stat_replication where pid = any($1)', [ended])
    await expect.poll(async () => (await left()).rowCount).toBe(0) // another may have come in its place
  }
  await cut()
  await untilStreaming()
  two.replica.reconfigure(two.membership)
  await cut()
  const client = await two.asProvisioner()
  const watch = async () => (await client.query('select active from replication_admin.watch()')).rows[0]
  await expect.poll(watch).toEqual({ active: false })
  await two.admit()
  await untilStreaming()
})

test('a member that was away catches up from its slot, however it ended', async () => {
  await untilStreaming()
  const writer = await two.as('liveness')
  const { pid } = two.replica
  process.kill(pid, 'SIGKILL')
  await two.replica.exited
  for (let id = 1; id <= 20; id++) await writer.query('insert into liveness.beat (id) values ($1)', [id])
  await two.replica.stop()
  await expect.poll(() => two.replica.start(two.membership, never).then(() => 'up', String)).toBe('up')
  await untilStreaming()
  const copy = await two.onReplica()
  await expect.poll(async () => (await copy.query('select 1 from liveness.beat')).rowCount).toBe(20)
})

test('a member that has not replayed it all, or follows another timeline, is not promoted', async () => {
  const { timeline } = await facts()
  const order = (atLsn: string, on: number) =>
    create(MemberOrderSchema, { act: 'promote', atLsn, timeline: on, within: { seconds: 1n } })
  await expect(two.replica.promote(order('FF/0', timeline), two.membership, never)).rejects.toThrow(OrderRefused)
  await expect(two.replica.promote(order('0/0', timeline + 1), two.membership, never)).rejects.toThrow(OrderRefused)
  expect(await two.replica.status()).toMatchObject({ inRecovery: true, timeline: 1 })
})

test('a primary that is another than it was is not copied, and what is there stays', async () => {
  const other = { ...two.membership, systemIdentifier: '42' }
  await expect(two.replica.clone(other, never)).rejects.toThrow(/is \d+, not 42/)
  expect(await two.replica.status()).toMatchObject({ inRecovery: true })
})

test('a fenced primary answers for nothing any more, and the member becomes the primary with all it had answered for', async () => {
  await untilStreaming()
  const writer = await two.as('liveness')
  let answered = 0
  const writing = (async () => {
    for (;;) {
      await writer.query('insert into liveness.beat (id) values ($1)', [answered + 1])
      answered += 1
    }
  })().catch((error: Error) => error.message)
  await expect.poll(() => answered).toBeGreaterThan(50)

  const fence = await two.asProvisioner()
  await fence.query('select replication_admin.fence_gate()')
  await fence.query('select replication_admin.fence_roles($1)', [ROLE])
  const left = async () => (await fence.query('select replication_admin.fence_sessions($1) as left', [ROLE])).rows[0]
  await expect.poll(left, { interval: 10 }).toEqual({ left: 0 })
  const fenced = performance.now()
  expect(await writing).toMatch(/terminat|closed|connection error/i)
  const { rows } = await fence.query('select lsn::text as lsn, timeline from replication_admin.facts()')
  const order = create(MemberOrderSchema, { id: '1', act: 'promote', atLsn: rows[0].lsn, timeline: rows[0].timeline })
  const status = await two.replica.promote(order, two.membership, never)
  expect(performance.now() - fenced).toBeLessThan(60_000)
  expect(status).toMatchObject({ inRecovery: false, timeline: 2 })

  const service = await two.atPromoted('liveness')
  const kept = await service.query('select count(*)::int as count from liveness.beat')
  // One more may have been committed whose answer the fence cut off.
  expect([answered, answered + 1]).toContain(kept.rows[0].count)
  await service.query('insert into liveness.beat (id) values (1000000)')
  await expect(two.as('liveness')).rejects.toThrow(/not permitted to log in/)
  const late = await two.asProvisioner()
  await expect(late.query('insert into liveness.beat (id) values (2000000)')).rejects.toThrow(/read-only|permission/)
  // The order once more, as after a crash between the promotion and the answer.
  expect(await two.replica.promote(order, two.membership, never)).toMatchObject({ inRecovery: false, timeline: 2 })
})
