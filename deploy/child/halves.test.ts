import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAlive } from '../dev/src/owner.ts'
import { startPlatform, type Platform } from '../dev/src/platform.ts'
import { removePostgres } from '../dev/src/postgres.ts'
import { SERVICE_NAMES } from '../dev/src/services.ts'
import { inTwoHalves } from './halves.ts'

const dir = mkdtempSync(join(tmpdir(), 'powernode-halves-'))
const FAR = ['grant-authz', 'liveness', 'spawn-provisioner', 'sdwan-compiler'] as const
const { startService } = inTwoHalves(fileURLToPath(new URL('boot.ts', import.meta.url)))
let platform: Platform

beforeAll(async () => {
  const cacheDir = fileURLToPath(new URL('../../.cache/bin', import.meta.url))
  const options = { dir, name: 'halves', trustDomain: 'halves.test', cacheDir, fast: true, startService }
  platform = await startPlatform(options, AbortSignal.any([]))
})
afterAll(async () => {
  await platform.stop()
  removePostgres(join(dir, 'postgres'))
  rmSync(dir, { recursive: true, force: true })
})

const pidOf = (name: (typeof SERVICE_NAMES)[number]) => platform.parts[name].pid()

test('half of the services are in a second process', () => {
  const far = new Set(FAR.map(pidOf))
  expect(far.size).toBe(1)
  expect(far).not.toContain(process.pid)
  const here = SERVICE_NAMES.filter((name) => !FAR.some((other) => other === name)).map(pidOf)
  expect(new Set(here)).toEqual(new Set([process.pid]))
})

test('a service there is paused and resumed by itself, and the half lives on', async () => {
  const before = pidOf('grant-authz')
  await platform.parts.liveness.pause()
  expect(pidOf('liveness')).toBeUndefined()
  await platform.parts.liveness.resume()
  await platform.serving(AbortSignal.timeout(120_000))
  expect([pidOf('liveness'), pidOf('grant-authz')]).toEqual([before, before])
})

test('when the other half is killed, another comes up with all of its services', async () => {
  const before = pidOf('liveness') ?? 0
  process.kill(before, 'SIGKILL')
  await expect.poll(() => FAR.every((name) => ![undefined, before].includes(pidOf(name)))).toBe(true)
  expect(new Set(FAR.map(pidOf)).size).toBe(1)
  await platform.serving(AbortSignal.timeout(120_000))
  expect(isAlive(before)).toBe(false)
})
