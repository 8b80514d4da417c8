import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readTlsFiles } from '@powernode/identity'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntilServing } from './health.ts'
import { isAlive } from './owner.ts'
import { startPlatform, type Platform } from './platform.ts'
import { removePostgres } from './postgres.ts'
import { SERVICE_NAMES } from './services.ts'

const dir = mkdtempSync(join(tmpdir(), 'powernode-platform-'))
const options = {
  dir,
  name: 'test',
  trustDomain: 'platform.test',
  cacheDir: fileURLToPath(new URL('../../../.cache/bin', import.meta.url)),
  fast: true,
}
let platform: Platform

beforeAll(async () => {
  platform = await startPlatform(options, AbortSignal.any([]))
})
afterAll(async () => {
  await platform.stop()
  removePostgres(join(dir, 'postgres'))
  rmSync(dir, { recursive: true, force: true })
})

const pids = () => Object.values(platform.parts).map((part) => part.pid())

test('every part is a process of its own', () => {
  expect(new Set([process.pid, ...pids()]).size).toBe(1 + SERVICE_NAMES.length + 2)
})

test('a server that is not who it should be is not taken for it', async () => {
  const target = {
    address: `127.0.0.1:${platform.ports.liveness}`,
    service: 'peer-registry',
    trustDomain: 'platform.test',
  }
  const named = /is spiffe:\/\/platform.test\/service\/liveness, not .*peer-registry/
  const asked = (ms: number) =>
    waitUntilServing(target, platform.operatorDir, AbortSignal.timeout(ms)).then(() => '', String)
  // A busy machine may take longer to look even once.
  const said = await asked(3_000)
  expect(named.test(said) ? said : await asked(60_000)).toMatch(named)
})

test('whatever is killed comes back by itself, all of it at once too', async () => {
  const before = pids()
  for (const part of Object.values(platform.parts)) part.kill()
  await expect.poll(() => pids().every((pid, i) => pid !== undefined && pid !== before[i])).toBe(true)
  await platform.serving(AbortSignal.timeout(120_000))
  for (const part of Object.values(platform.parts)) expect(part.restarts(), part.name).toBeGreaterThan(0)
})

test('a paused service stays away until it is resumed', async () => {
  const part = platform.parts.liveness
  await part.pause()
  expect(part.pid()).toBeUndefined()
  await part.resume()
  await platform.serving(AbortSignal.timeout(120_000))
})

test('a NATS that lost its disk is back with its streams', async () => {
  await platform.wipeNats()
  await platform.serving(AbortSignal.timeout(120_000))
})

test('a second start continues: the same ports, the same identities; and a stop leaves nothing running', async () => {
  const serial = () => readTlsFiles(platform.operatorDir).serial
  const [ports, before, running] = [platform.ports, serial(), pids()]
  await platform.stop()
  expect(running.filter((pid) => pid !== undefined && isAlive(pid))).toEqual([])
  const other = startPlatform({ ...options, trustDomain: 'other.test' }, AbortSignal.any([]))
  await expect(other).rejects.toThrow(/holds the platform platform.test/)
  platform = await startPlatform(options, AbortSignal.any([]))
  expect([platform.ports, serial()]).toEqual([ports, before])
})

test('a start that is given up leaves nothing running', async () => {
  const giveUp = new AbortController()
  const elsewhere = join(dir, 'elsewhere')
  const starting = startPlatform(
    { ...options, dir: elsewhere, progress: (doing) => doing === 'services' && giveUp.abort() },
    giveUp.signal,
  )
  await expect(starting).rejects.toThrow()
  expect(existsSync(join(elsewhere, 'postgres', 'data', 'postmaster.pid'))).toBe(false)
  expect(existsSync(join(elsewhere, 'owner.json'))).toBe(false)
  removePostgres(join(elsewhere, 'postgres'))
})
