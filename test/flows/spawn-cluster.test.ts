import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { replicaOf, withDatabase } from '@powernode/dev/replica'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findProgram } from '../foreign.ts'
import type { TestPlatform } from '../mesh.ts'
import { startRedis, type Redis } from '../redis.ts'
import { insisting } from './misfortunes.ts'
import { type, typeJson } from './operator-at-keyboard.ts'
import { diagnosed, diagnosis, inDatabase, said } from './runbook.ts'
import { childOf, CLEAN, isActive, isGone, machineOf, parentPlatform, slateOf, spawn, spawnEvents, untilChild, type ChildJson } from './spawning.ts' // prettier-ignore

const redisServer = findProgram('redis-server')
const dir = mkdtempSync(join(tmpdir(), 'powernode-redis-'))

let a: TestPlatform
let redis: Redis | undefined
let child: ChildJson
beforeAll(async () => {
  redis = redisServer ? await startRedis(redisServer, dir) : undefined
  a = await parentPlatform('a', {}, redis?.env)
  await spawn(a, 'member', 'cluster_member')
  child = await untilChild(a, 'member', isActive)
}, 300_000)
afterAll(async () => {
  await a?.stop()
  await redis?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const memberOf = async (met: (state: string) => boolean) =>
  (await untilChild(a, child.id, ({ cluster_member }) => met(cluster_member?.state ?? ''))).cluster_member

/** What stands in the member's copy: the names of templates. */
const templatesThere = (): Promise<string[]> =>
  withDatabase(replicaOf(machineOf(a, child), 'powernode'), async (replica) => {
    const { rows } = await replica.query<{ name: string }>('select name from spawn_provisioner.template order by name')
    return rows.map(({ name }) => name)
  })

test('a member of the cluster comes up federated, and follows our database over TLS', async () => {
  const member = await memberOf((state) => state === 'streaming')
  expect(member?.slot_name).toBe(`powernode_repl_${child.peer_id.replaceAll('-', '')}`)
  expect(member?.role_name).toMatch(/^powernode_repl_[0-9a-f]{16}$/)
  const slate = await slateOf(a)
  expect([slate.slots, slate.roles]).toEqual([[member?.slot_name], [member?.role_name]])
  const { grants } = await typeJson<{ grants: unknown[] }>(a, 'grant list')
  expect(grants).toEqual([])
})

test('what is committed here is read there within a second', async () => {
  const from = performance.now()
  await typeJson(a, 'template create replicated')
  await expect.poll(templatesThere, { interval: 20 }).toContain('replicated')
  expect(performance.now() - from).toBeLessThan(60_000) // a second on a machine that does nothing else
})

test('"replica lag growing": the doctor says how far it is behind, and whose it is, until it has caught up', async () => {
  const replay = (how: 'pause' | 'resume') =>
    withDatabase(replicaOf(machineOf(a, child), 'powernode'), (replica) =>
      replica.query(`select pg_wal_replay_${how}()`),
    )
  await replay('pause')
  const much = `select pg_logical_emit_message(false, 'lag', repeat('x', 1000000)) from generate_series(1, 80)`
  await inDatabase(a, much)
  expect((await diagnosed(a, child.peer_id, 'replica_lag')).verdict).toMatchObject({ side: 'them', check: 'replication.lag' }) // prettier-ignore
  await replay('resume')
  await memberOf((state) => state === 'streaming')
  const { checks } = await diagnosis(a, child.peer_id)
  expect(checks.find(({ name }) => name === 'replication.lag')).toMatchObject({ status: 'ok' })
})

const inReplica = (statement: string) =>
  withDatabase(replicaOf(machineOf(a, child), 'powernode'), (replica) => replica.query(statement))

test('nobody reads from its slot: the doctor says that the child is away, and not how far it is behind', async () => {
  await inReplica("alter system set primary_conninfo = ''")
  await inReplica('select pg_reload_conf()')
  const past = `streamed_at = streamed_at - interval '1 hour'`
  const away = () => inDatabase(a, `update spawn_provisioner.cluster_member set ${past} where child_id = $1 and sent_lsn = ''`, [child.id]) // prettier-ignore
  await insisting(away) // once it is seen to have gone
  const { verdict, exit } = await diagnosed(a, child.peer_id, 'slot_inactive')
  expect(verdict).toMatchObject({ side: 'them', check: 'replication.slot', command: `fedctl child show ${child.id}` })
  expect(exit).toBe(3)
})

test('its slot is gone: that is named, and it copies our database anew as soon as there is a slot for it', async () => {
  // As it is when the slot held back too much; and others have taken what slots there are, so that it stays so.
  const all = `generate_series(1, current_setting('max_replication_slots')::int)`
  await inDatabase(
    a,
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots;
     select pg_create_physical_replication_slot('taken_' || n) from ${all} as n`,
  )
  const { verdict, exit } = await diagnosed(a, child.peer_id, 'slot_dropped')
  expect(verdict).toMatchObject({ side: 'them', check: 'replication.slot' })
  expect(exit).toBe(1)

  await inDatabase(
    a,
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name ~ '^taken_'`,
  )
  await memberOf((state) => state === 'streaming')
  expect(said(await diagnosis(a, child.peer_id), 'replication.lag')).toMatchObject({ status: 'ok' })
})

test.skipIf(!redisServer)('the Redis that it was handed answers it, over TLS and with the password', async () => {
  await untilChild(a, child.id, ({ cluster_member }) => cluster_member?.redis_status === 'reachable')
  await redis?.stop()
})

test('a new password for its role changes nothing that is seen', async () => {
  await typeJson(a, 'child rotate-credential member')
  await typeJson(a, 'template create after-rotation')
  await expect.poll(templatesThere).toContain('after-rotation')
  expect(await spawnEvents(a, 'credential_rotated')).toContain('credential_rotated')
})

test('a rehearsed promotion names its steps and takes none', async () => {
  const { exit, out } = await type(a, 'child promote member --dry-run')
  expect(exit).toBe(0)
  expect(out).toMatch(/^Dry run[\s\S]*fence_gate[\s\S]*fence_roles[\s\S]*settle_lsn[\s\S]*promote[\s\S]*verify/)
  expect((await childOf(a, 'member')).cluster_member?.state).toBe('streaming')
})

test('promoted behind a fence: everything that was answered for is there, and here nobody writes any more', async () => {
  await typeJson(a, 'template create before-the-fence')
  const { exit, out, err } = await type(a, ['child', 'promote', 'member', '--reason', 'rehearsal'])
  expect(exit, `${out}${err}`).toBe(0)
  expect(await templatesThere()).toContain('before-the-fence')
  const isStandby = await withDatabase(replicaOf(machineOf(a, child), 'powernode'), async (member) => {
    await member.query("insert into spawn_provisioner.template (id, name, description, spec, created_by, created_at, revision) values (gen_random_uuid(), 'written-there', '', '{}', 'test', '2026-01-01', 1)") // prettier-ignore
    return (await member.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')).rows[0]?.standby
  })
  expect(isStandby).toBe(false)
  expect((await type(a, 'template create written-here')).exit).not.toBe(0)
})

test('and the way back: what was written there is here, and the member follows us again', async () => {
  const { exit, out, err } = await type(a, ['child', 'fail-back', 'member', '--reason', 'rehearsal is over'])
  expect(exit, `${out}${err}`).toBe(0)
  const { templates } = await insisting(() => typeJson<{ templates: { name: string }[] }>(a, 'template list'))
  expect(templates.map(({ name }) => name)).toContain('written-there')
  await memberOf((state) => state === 'streaming')
  await insisting(() => typeJson(a, 'template create back-here'))
  await expect.poll(templatesThere).toContain('back-here')
})

test('terminated, neither slot nor role is left', async () => {
  await typeJson(a, ['child', 'terminate', child.id, '--reason', 'done'])
  await untilChild(a, child.id, isGone)
  expect(await slateOf(a)).toEqual(CLEAN)
})
