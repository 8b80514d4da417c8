import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keepPostgres } from '@powernode/dev/postgres-keeper'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cluster } from './cluster.ts'
import { keeperOf } from './two-servers.ts'

let cluster: Cluster

const begin = async () => {
  cluster = await Cluster.start({ max_slot_wal_keep_size: '64MB' })
  const admin = await cluster.two.asAdmin()
  await admin.query('create table liveness.beat (id bigint primary key)')
  await admin.query('grant select, insert on liveness.beat to liveness')
}
const end = () => cluster.stop()

const state = async () => (await cluster.shown())?.state
const untilStreaming = async () => {
  await expect.poll(state, { interval: 50 }).toBe('streaming')
}
const request = { child: 'west-1' }

async function all<Answer extends { step: string }>(answers: AsyncIterable<Answer>): Promise<string[]> {
  const steps: string[] = []
  for await (const { step } of answers) steps.push(step)
  return steps
}

/** Its line is up: whatever is to be done can be told to it. */
const untilLined = async () => {
  const plan = () => all(cluster.operator.promoteMember({ ...request, dryRun: true }))
  await expect.poll(() => plan().catch(() => [])).toHaveLength(7)
}

describe('a member that follows us', () => {
  beforeAll(begin)
  afterAll(end)

  test('a member is handed one credential, follows with it, and nobody keeps it from then on', async () => {
    const membership = await cluster.admit()
    expect(membership).toMatchObject({ postgresMajor: 18, primaryServerName: 'postgres.primary.test' })
    expect((await cluster.area.membership(cluster.member, AbortSignal.any([]))).password).toBe(membership.password)
    const sealed = (await cluster.shown())?.passwordSealed
    expect(sealed?.includes(membership.password)).toBe(false)
    await cluster.startChild(membership)
    await untilStreaming()
    const shown = await cluster.shown()
    expect(shown).toMatchObject({ walStatus: 'reserved' })
    expect(shown?.roleExpiresAt?.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000)
    const kept = join(cluster.two.home.dir, 'membership.json')
    expect(statSync(kept).mode & 0o777).toBe(0o600)
    expect(readFileSync(kept, 'utf8')).not.toContain(membership.replicaEnrollment?.bootstrapToken)
    expect(await cluster.story()).toEqual(['replica_ready', 'streaming'])
    // What was sent is forgotten once it is known to be in use, a moment after it is.
    await expect.poll(async () => (await cluster.shown())?.passwordSealed).toBeNull()
    await expect.poll(async () => (await cluster.shown())?.address).toBe(`127.0.0.1:${cluster.two.home.listen.port}`)
  })

  test('a credential is replaced while the member follows, on demand and before it ends', async () => {
    const before = readFileSync(join(cluster.two.home.dir, 'pgpass'), 'utf8')
    const certificate = readFileSync(join(cluster.two.home.dir, 'tls', 'cert.pem'), 'utf8')
    await expect.poll(async () => (await cluster.shown())?.reportedAt).not.toBeNull()
    await cluster.operator.rotateMemberCredential(request)
    expect(readFileSync(join(cluster.two.home.dir, 'pgpass'), 'utf8')).not.toBe(before)
    expect(readFileSync(join(cluster.two.home.dir, 'tls', 'cert.pem'), 'utf8')).not.toBe(certificate)
    expect(await cluster.words()).toContain('credential_rotated')
    expect((await cluster.shown())?.passwordSealed).toBeNull()
    const admin = await cluster.two.asAdmin()
    const { rows } = await admin.query('select pid, pg_terminate_backend(pid) from pg_stat_replication')
    const anew = () =>
      admin.query('select 1 from pg_stat_replication where pid <> all($1)', [rows.map(({ pid }) => pid)])
    await expect.poll(async () => (await anew()).rowCount).toBe(1)

    await admin.query(
      `update spawn_provisioner.cluster_member set role_expires_at = role_expires_at - interval '20 days'`,
    )
    const counted = async () => (await cluster.words()).filter((word) => word === 'credential_rotated').length
    await expect.poll(counted).toBe(2)
  })

  test('without a line to it nobody is promoted, and nothing was fenced', async () => {
    await cluster.stopChild()
    // Its line may stand for a moment longer than it does.
    const plan = () => all(cluster.operator.promoteMember({ ...request, dryRun: true }))
    await expect.poll(() => plan().catch((error: Error) => error.message)).toMatch(/no line/)
    await expect(all(cluster.operator.promoteMember(request))).rejects.toThrow(/no line/)
    await cluster.two.as('liveness')
    expect(existsSync(join(cluster.two.stateDir, 'promotion.json'))).toBe(false)
    await cluster.startChild()
    await untilLined()
  })

  test('a promotion that a crash cut short before the member was told is taken back at the next start', async () => {
    const { two, member } = cluster
    await cluster.stopParent()
    const fence = await two.asProvisioner()
    const role = two.membership.roleName
    await fence.query('select replication_admin.fence_gate()')
    await fence.query('select replication_admin.fence_roles($1)', [role])
    const record = { ...member, hostname: 'west-1', roleName: role, by: 'operator/admin', reason: '', forced: false }
    mkdirSync(two.stateDir)
    const file = join(two.stateDir, 'promotion.json')
    writeFileSync(file, JSON.stringify({ ...record, startedAt: '2026-01-01T00:00:00.000Z', step: 'fence_roles' }))
    await expect(two.as('liveness')).rejects.toThrow(/not permitted/)
    cluster.startParent()
    await expect.poll(() => JSON.parse(readFileSync(file, 'utf8')).step).toBe('lifted')
    await two.as('liveness')
    await cluster.stopChild() // its line was to whoever died
    await cluster.startChild()
    await untilStreaming()
  })

  test('a primary that cannot be fenced is not replaced; by force it is, and the reason is on record', async () => {
    await untilLined()
    const admin = await cluster.two.asAdmin()
    const cut =
      'select pg_terminate_backend(pid) from pg_stat_activity where usename = session_user and pid <> pg_backend_pid()'
    const body = `begin perform count(*) from (${cut}) as cut; return 1; end`
    await admin.query(
      `create or replace function replication_admin.fence_sessions(keep_role text) returns integer language plpgsql as '${body}'`,
    )
    await admin.end()
    await expect(all(cluster.operator.promoteMember(request))).rejects.toThrow(/could still write/)
    await cluster.two.as('liveness') // as before
    const promotion = () => JSON.parse(readFileSync(join(cluster.two.stateDir, 'promotion.json'), 'utf8'))
    expect(promotion()).toMatchObject({ step: 'lifted', failure: expect.stringContaining('could still write') })
    await untilStreaming()
    await expect(all(cluster.operator.promoteMember({ ...request, force: true }))).rejects.toThrow(/says why/)
    expect(
      await all(cluster.operator.promoteMember({ ...request, force: true, reason: 'the cable is cut' })),
    ).toHaveLength(7)
    expect(promotion()).toMatchObject({ step: 'done', forced: true, reason: 'the cable is cut' })
  })
})

describe('a member that takes over, and gives the place back', () => {
  beforeAll(begin)
  afterAll(end)

  test('promoted, the member is the primary with all that was answered for, and we take no writes any more', async () => {
    await cluster.startChild(await cluster.admit())
    await untilStreaming()
    await untilLined()
    await expect(all(cluster.operator.failBack(request))).rejects.toThrow(/is not the primary in our place/)
    const writer = await cluster.two.as('liveness')
    for (let id = 1; id <= 100; id++) await writer.query('insert into liveness.beat (id) values ($1)', [id])
    expect(await all(cluster.operator.promoteMember({ ...request, dryRun: true }))).toHaveLength(7)
    expect(await state()).toBe('streaming')

    const times = new Map<string, number>()
    for await (const { step } of cluster.operator.promoteMember({ ...request, reason: 'a test' }))
      times.set(step, performance.now())
    expect([...times.keys()]).toEqual([
      'fence_gate',
      'fence_roles',
      'fence_tunnel',
      'settle_lsn',
      'await_replay',
      'promote',
      'verify',
    ])
    expect((times.get('verify') ?? 0) - (times.get('fence_tunnel') ?? 0)).toBeLessThan(60_000)
    const service = await cluster.two.atPromoted('liveness')
    expect((await service.query('select count(*)::int as count from liveness.beat')).rows).toEqual([{ count: 100 }])
    await service.query('insert into liveness.beat (id) values (101)')
    await expect(cluster.two.as('liveness')).rejects.toThrow(/not permitted to log in/)
    await expect(cluster.two.as('liveness_owner', 'owner')).rejects.toThrow(/not permitted to log in/)
    const ours = await cluster.two.asProvisioner()
    await expect(ours.query(`delete from spawn_provisioner.cluster_member`)).rejects.toThrow(/read-only/)
    const file = join(cluster.two.stateDir, 'promotion.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ step: 'done', newTimeline: 2, by: 'operator/admin' })
  })

  test('asked to fail back, the former primary follows the member and takes over again, and the member follows once more', async () => {
    const { two } = cluster
    await (await two.atPromoted('liveness')).query('insert into liveness.beat (id) values (102)')

    const keeping = new AbortController()
    const kept = keepPostgres(keeperOf(two), keeping.signal)
    expect(await all(cluster.operator.failBack({ ...request, reason: 'the house stands again' }))).toEqual([
      'rejoin',
      'stop',
      'take_over',
      'follow',
    ])
    keeping.abort()
    await kept
    const home = await two.as('liveness')
    expect((await home.query('select count(*)::int as count from liveness.beat')).rows).toEqual([{ count: 102 }])
    await untilStreaming()
    expect(await cluster.story()).toEqual([
      'replica_ready',
      'streaming',
      'fenced',
      'promoted',
      'failed_back',
      'streaming',
    ])
    expect(JSON.parse(readFileSync(join(two.stateDir, 'promotion.json'), 'utf8')).step).toBe('failed_back')
  })
})

describe('a member that never comes', () => {
  beforeAll(begin)
  afterAll(end)

  test('a slot whose child never comes is dropped before it fills the disk, and the child gets another when it comes', async () => {
    const membership = await cluster.admit()
    const admin = await cluster.two.asAdmin()
    await admin.query('create table filler (text text)')
    for (let i = 0; i < 4; i++) {
      await admin.query(`insert into filler select repeat('x', 1000) from generate_series(1, 12000)`)
      await admin.query('select pg_switch_wal()')
    }
    await expect.poll(state).toBe('guarded')
    expect((await admin.query('select 1 from pg_replication_slots')).rowCount).toBe(0)
    expect(await cluster.story()).toEqual(['replica_ready', 'wal_guarded'])
    expect((await cluster.shown())?.reason).toMatch(/never came/)
    await cluster.startChild(membership)
    await untilStreaming()
  })
})
