import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '@powernode/clock/testing'
import { readTlsFiles, TLS_FILES } from '@powernode/identity'
import { testDatabase } from '@powernode/postgres/testing'
import { Secret } from '@powernode/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MIGRATIONS, SCHEMA, startPlatform } from '../test/platform.ts'
import { initPlatform, type InitConfig } from './init.ts'
import { DAY_MS } from './invitation.ts'
import type { Tables } from './store/tables.ts'

let database: Awaited<ReturnType<typeof testDatabase<Tables>>>
let dir: string
let config: InitConfig
const clock = new FakeClock()
beforeEach(async () => {
  database = await testDatabase<Tables>({ schema: SCHEMA, dir: MIGRATIONS })
  dir = mkdtempSync(join(tmpdir(), 'powernode-init-'))
  const other = await startPlatform('other.example')
  await other.drop()
  config = {
    databaseUrl: database.url,
    trustDomain: 'a.example',
    sealingKey: { file: undefined, value: new Secret(Buffer.alloc(32, 1).toString('base64')), previousFile: undefined },
    self: other.us.self,
    lifetimes: other.us.lifetimes,
    identities: [
      { kind: 'service', name: 'peer-registry', dir: join(dir, 'peer-registry'), hosts: ['127.0.0.1'] },
      { kind: 'operator', name: 'alice', dir: join(dir, 'alice'), hosts: [] },
    ],
  }
})
afterEach(async () => {
  rmSync(dir, { recursive: true, force: true })
  await database.drop()
})

const certOf = (name: string) => readFileSync(join(dir, name, TLS_FILES.cert), 'utf8')

test('a platform comes into being with an identity for each of its services, and its first operator', async () => {
  const { platformId } = await initPlatform(config, clock)
  expect(platformId).toMatch(/^[a-z2-7]{32}$/)
  expect(readTlsFiles(join(dir, 'peer-registry')).spiffeId).toEqual({ trustDomain: 'a.example', kind: 'service', name: 'peer-registry' }) // prettier-ignore
  expect(readTlsFiles(join(dir, 'alice')).spiffeId.kind).toBe('operator')
})

test('made again it is the same platform, and only what is missing or has run out is filled', async () => {
  const { platformId } = await initPlatform(config, clock)
  const [registry, alice] = [certOf('peer-registry'), certOf('alice')]
  expect(await initPlatform(config, clock)).toEqual({ platformId })
  expect([certOf('peer-registry'), certOf('alice')]).toEqual([registry, alice])
  await clock.advance(8 * DAY_MS)
  rmSync(join(dir, 'alice'), { recursive: true })
  await initPlatform(config, clock)
  expect(certOf('peer-registry')).not.toBe(registry)
  expect(certOf('alice')).not.toBe(alice)
})

test('half a key pair is an error with the command that mends it, never a new identity', async () => {
  await initPlatform(config, clock)
  rmSync(join(dir, 'alice', TLS_FILES.key))
  await expect(initPlatform(config, clock)).rejects.toThrow(/key\.pem/)
})

test('another trust domain or another sealing key on the same database is refused, not overwritten', async () => {
  await initPlatform(config, clock)
  await expect(initPlatform({ ...config, trustDomain: 'b.example' }, clock)).rejects.toThrow('set TRUST_DOMAIN back')
  const wrong = { ...config.sealingKey, value: new Secret(Buffer.alloc(32, 2).toString('base64')) }
  await expect(initPlatform({ ...config, sealingKey: wrong }, clock)).rejects.toThrow('does not hold')
  await expect(initPlatform({ ...config, sealingKey: { ...wrong, value: undefined } }, clock)).rejects.toThrow(
    'openssl rand',
  )
})

test('nothing secret rests in the clear: neither identity nor CA keys', async () => {
  await initPlatform(config, clock)
  const row = await database.db.selectFrom('platform').select(['identity_key_sealed']).executeTakeFirstOrThrow()
  const ca = await database.db.selectFrom('authority').select(['root_key_sealed', 'issuing_key_sealed']).executeTakeFirstOrThrow() // prettier-ignore
  for (const sealed of [row.identity_key_sealed, ca.root_key_sealed, ca.issuing_key_sealed]) {
    expect(sealed[0], 'a sealed value, not PKCS #8, which begins with a SEQUENCE').toBe(1)
    expect(sealed.includes(Buffer.from('302e020100', 'hex'))).toBe(false)
  }
})
