import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import {
  BackupBroken,
  baseBackup,
  identifySystem,
  scramVerifier,
  withReplication,
  type ReplicationAccess,
} from '@powernode/postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgres, type Postgres } from './postgres.ts'

const ROLE = 'powernode_repl_00112233445566aa'
const never = AbortSignal.any([])
const dir = mkdtempSync(join(tmpdir(), 'powernode-backup-'))
let server: Postgres
let access: ReplicationAccess
let stranger: ReplicationAccess['tls']

beforeAll(async () => {
  const authority = await makeTestAuthority('primary.test')
  const instance = (name: string) => ({ trustDomain: 'primary.test', kind: 'service', name }) as const
  await makeTestIdentity(authority, instance('postgres'), {
    dir: join(dir, 'identity'),
    hosts: ['postgres.primary.test'],
  })
  const tls = await makeTestIdentity(authority, instance('member'), { dir: join(dir, 'member'), commonName: ROLE })
  stranger = await makeTestIdentity(authority, instance('stranger'), { dir: join(dir, 'stranger') })
  server = await startPostgres({ dir: join(dir, 'pg'), fast: true, identityDir: join(dir, 'identity') }, never)
  const admin = new pg.Client({ connectionString: server.url })
  await admin.connect()
  await admin.query(`create role ${ROLE} login replication password '${scramVerifier('secret')}'`)
  await admin.query('create table kept (id int); insert into kept select generate_series(1, 50000)')
  await admin.end()
  access = {
    host: '127.0.0.1',
    port: server.port,
    serverName: 'postgres.primary.test',
    user: ROLE,
    password: 'secret',
    tls,
    applicationName: 'member',
  }
})
afterAll(async () => {
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

const own = () => undefined
const into = (name: string) => mkdtempSync(join(dir, name))

test('a base backup is a whole data directory, every file as its manifest says', async () => {
  const target = into('copy-')
  let seen = 0
  const wanted = { dir: target, own, label: "it's ours", onProgress: (bytes: number) => (seen = bytes) }
  const backup = await baseBackup(access, wanted, never)
  expect(backup.files).toBeGreaterThan(900)
  expect(readdirSync(target)).toEqual(
    expect.arrayContaining(['PG_VERSION', 'backup_label', 'global', 'base', 'pg_wal']),
  )
  expect(readdirSync(target)).not.toContain('postmaster.pid')
  expect(seen).toBeGreaterThan(10_000_000)
  const { systemIdentifier, timeline } = await withReplication(access, identifySystem, never)
  expect(backup).toMatchObject({ systemIdentifier, timeline })
})

test('another server at the address is not copied', async () => {
  const wanted = { dir: into('copy-'), own, label: 'x', systemIdentifier: '1' }
  await expect(baseBackup(access, wanted, never)).rejects.toThrow(BackupBroken)
})

test('a directory that is not empty is not written over', async () => {
  const target = into('copy-')
  writeFileSync(join(target, 'PG_VERSION'), '17')
  await expect(baseBackup(access, { dir: target, own, label: 'x' }, never)).rejects.toThrow(/EEXIST/)
})

test('who stops asking is not kept waiting', async () => {
  const stopping = new AbortController()
  const wanted = { dir: into('copy-'), own, label: 'x', onProgress: () => stopping.abort(new Error('enough')) }
  await expect(baseBackup(access, wanted, stopping.signal)).rejects.toThrow('enough')
})

test.each([
  ['another password', () => ({ ...access, password: 'wrong' }), /password authentication failed/],
  ['the certificate of somebody else', () => ({ ...access, tls: stranger }), /authentication failed/],
  ['a server of another name', () => ({ ...access, serverName: 'other.test' }), /does not match certificate/],
  ['a role that is nobody of the cluster', () => ({ ...access, user: 'postgres' }), /no pg_hba.conf entry/],
])('%s: nothing is replicated', async (_what, other, why) => {
  await expect(withReplication(other(), identifySystem, never)).rejects.toThrow(why)
})
