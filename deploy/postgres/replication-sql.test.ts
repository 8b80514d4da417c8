import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { replicationScript } from '@powernode/dev/database'
import { startPostgres, type Postgres } from '@powernode/dev/postgres'
import { databaseUrl, prepareDatabase, scramVerifier } from '@powernode/postgres'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

const SLOT = `powernode_repl_${'a'.repeat(32)}`
const ROLE = `powernode_repl_${'a'.repeat(16)}`
const OTHER = `powernode_repl_${'b'.repeat(16)}`
const database = 'platform'
const dir = mkdtempSync(join(tmpdir(), 'powernode-replication-'))
let server: Postgres
const open: pg.Client[] = []

beforeAll(async () => {
  const settings = { max_slot_wal_keep_size: '32MB', max_wal_size: '32MB' }
  server = await startPostgres({ dir, fast: true, settings }, AbortSignal.any([]))
  const schemas = ['spawn_provisioner', 'liveness'].map((schema) => ({
    schema,
    ownerPassword: 'owner',
    servicePassword: 'service',
  }))
  await prepareDatabase({ adminUrl: server.url, database, schemas, scripts: [replicationScript()] })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.end()))
  const admin = await as('postgres')
  await admin.query('start transaction read write; select replication_admin.unfence(); commit')
  await admin.query(`select replication_admin.drop_slot('${SLOT}')`)
  for (const role of [ROLE, OTHER]) await admin.query(`select replication_admin.drop_role('${role}')`)
  await admin.end()
  open.length = 0
})
afterAll(async () => {
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function as(user: string): Promise<pg.Client> {
  const url = new URL(server.url)
  const login = { database, user, password: user === 'postgres' ? url.password : 'service' }
  const client = new pg.Client({ connectionString: databaseUrl(server.url, login) })
  client.on('error', () => undefined)
  await client.connect()
  open.push(client)
  return client
}
const us = () => as('spawn_provisioner')
const soon = () => new Date(Date.now() + 86_400_000)
const call = async (client: pg.Client, text: string, values: unknown[] = []) => (await client.query(text, values)).rows

test('a slot holds back WAL from the moment it is made, and is made once', async () => {
  const client = await us()
  const [first] = await call(client, 'select replication_admin.make_slot($1) as lsn', [SLOT])
  expect(first.lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
  expect(await call(client, 'select replication_admin.make_slot($1) as lsn', [SLOT])).toEqual([first])
  expect(await call(client, 'select slot_name, active, wal_status from replication_admin.watch()')).toEqual([
    { slot_name: SLOT, active: false, wal_status: 'reserved' },
  ])
  expect(await call(client, 'select replication_admin.drop_slot($1) as had', [SLOT])).toEqual([{ had: true }])
  expect(await call(client, 'select replication_admin.drop_slot($1) as had', [SLOT])).toEqual([{ had: false }])
})

test('a slot that lost its WAL is seen to be lost, and the next one begins anew', async () => {
  const client = await us()
  await call(client, 'select replication_admin.make_slot($1)', [SLOT])
  const admin = await as('postgres')
  await admin.query('create table if not exists filler (text text)')
  for (let i = 0; i < 8; i++) {
    await admin.query(`insert into filler select repeat('x', 1000) from generate_series(1, 10000)`)
    await admin.query('select pg_switch_wal()')
  }
  await admin.query('checkpoint')
  expect(await call(client, 'select wal_status from replication_admin.watch()')).toEqual([{ wal_status: 'lost' }])
  await call(client, 'select replication_admin.make_slot($1)', [SLOT])
  expect(await call(client, 'select wal_status from replication_admin.watch()')).toEqual([{ wal_status: 'reserved' }])
})

test('a role logs in to replicate, is nothing else, ends by itself, and is given another password', async () => {
  const client = await us()
  const make = (verifier: string, until = soon()) =>
    call(client, 'select replication_admin.make_role($1, $2, $3)', [ROLE, verifier, until])
  await make(scramVerifier('one'))
  const admin = await as('postgres')
  const stored = async () => (await call(admin, 'select rolpassword from pg_authid where rolname = $1', [ROLE]))[0]
  const before = await stored()
  await make(scramVerifier('two'))
  expect(await stored()).not.toEqual(before)
  expect(
    await call(
      admin,
      `select rolcanlogin, rolreplication, rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolbypassrls
       from pg_roles where rolname = $1`,
      [ROLE],
    ),
  ).toEqual([
    {
      rolcanlogin: true,
      rolreplication: true,
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolinherit: false,
      rolbypassrls: false,
    },
  ])
  await expect(make('secret')).rejects.toThrow(/never a password/)
  await expect(make(scramVerifier('x'), new Date(Date.now() + 40 * 86_400_000))).rejects.toThrow(/within 30 days/)
  expect(await call(client, 'select role_name from replication_admin.list_roles()')).toEqual([{ role_name: ROLE }])
  expect(await call(client, 'select replication_admin.drop_role($1) as had', [ROLE])).toEqual([{ had: true }])
  expect(await call(client, 'select role_name from replication_admin.list_roles()')).toEqual([])
})

test.each([
  ['make_slot', `select replication_admin.make_slot('other')`],
  ['drop_slot', `select replication_admin.drop_slot('other')`],
  ['make_role', `select replication_admin.make_role('postgres', '${scramVerifier('x')}', '2030-01-01')`],
  ['drop_role', `select replication_admin.drop_role('liveness')`],
  ['fence_roles', `select replication_admin.fence_roles('liveness')`],
])('%s touches nothing that is not of a member', async (_name, statement) => {
  await expect(call(await us(), statement)).rejects.toThrow(/not the (slot|role) of a cluster_member/)
})

test('nobody but spawn-provisioner may call any of it, nor read or write what it keeps', async () => {
  const client = await as('liveness')
  await expect(call(client, 'select replication_admin.facts()')).rejects.toThrow(/permission denied/)
  await expect(call(client, 'select replication_admin.fence_gate()')).rejects.toThrow(/permission denied/)
  await expect(call(await us(), 'select role_name from replication_admin.fenced_role')).rejects.toThrow(
    /permission denied/,
  )
})

test('a fence cuts everybody off and keeps them out, and lifting it gives everybody back what they had', async () => {
  const client = await us()
  await call(client, 'select replication_admin.make_role($1, $2, $3)', [ROLE, scramVerifier('x'), soon()])
  await call(client, 'select replication_admin.make_role($1, $2, $3)', [OTHER, scramVerifier('x'), soon()])
  const service = await as('liveness')
  const cut = new Promise((resolve) => service.once('end', resolve))
  await call(client, 'select replication_admin.fence_gate()')
  const fenced = await call(client, 'select replication_admin.fence_roles($1) as role', [ROLE])
  expect(fenced.map(({ role }) => role)).toEqual(['liveness', 'liveness_owner', OTHER, 'spawn_provisioner_owner'])
  await expect
    .poll(async () => (await call(client, 'select replication_admin.fence_sessions($1) as left', [ROLE]))[0].left)
    .toBe(0)
  await cut
  await expect(as('liveness')).rejects.toThrow(/not permitted to log in/)
  expect((await call(client, 'select fenced from replication_admin.facts()'))[0]).toEqual({ fenced: true })
  const later = await us()
  await expect(call(later, 'create temporary table mine (id int)')).rejects.toThrow(/read-only/)

  await call(later, 'start transaction read write')
  await call(later, 'select replication_admin.unfence()')
  await call(later, 'commit')
  expect((await call(later, 'select fenced from replication_admin.facts()'))[0]).toEqual({ fenced: false })
  await as('liveness')
  expect(await call(await us(), 'show transaction_read_only')).toEqual([{ transaction_read_only: 'off' }])
})

test('the server says what a member must know of it', async () => {
  expect((await call(await us(), 'select wal_level, in_recovery, major from replication_admin.facts()'))[0]).toEqual({
    wal_level: 'replica',
    in_recovery: false,
    major: 18,
  })
})
