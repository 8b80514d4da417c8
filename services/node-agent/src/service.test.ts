import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FakeClock } from '@powernode/clock/testing'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { writePayload } from '@powernode/payload'
import { somePayload } from '@powernode/payload/testing'
import { createLogger } from '@powernode/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configFrom } from './config.ts'
import { checkRedis } from './replica/redis-check.ts'
import { run } from './service.ts'

/** The agent as a process of its own, beside a platform that answers nobody: each way in which it can end. */
let dir: string
let env: Record<string, string>
let agent: ChildProcess | undefined
/** Takes every connection, and says nothing. */
let silent: Server
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'node-agent-'))
  silent = createServer(() => undefined)
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const identity = join(dir, 'identity')
  const id = { trustDomain: 'child.example', kind: 'service', name: 'node-agent' } as const
  await makeTestIdentity(await makeTestAuthority('child.example'), id, { dir: identity })
  const nobody = `127.0.0.1:${portOf(silent)}`
  env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    IDENTITY_DIR: identity,
    TRUST_DOMAIN: 'child.example',
    STATE_DIR: join(dir, 'state'),
    PAYLOAD_ROOT: join(dir, 'fw_cfg'),
    PAYLOAD_FILE: join(dir, 'payload.json'),
    PEER_REGISTRY_ADDRESS: nobody,
    GRANT_AUTHZ_ADDRESS: nobody,
    GATEWAY_ADDRESS: nobody,
  }
})
afterEach(async () => {
  agent?.kill('SIGKILL')
  agent = undefined
  silent.close()
  rmSync(dir, { recursive: true, force: true })
})

const portOf = (server: Server) => (server.address() as AddressInfo).port // a TCP server's

function start(more: Readonly<Record<string, string>> = {}): { ended: Promise<{ code: number; said: string }> } {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main], { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] })
  agent = child
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  return { ended: once(child, 'close').then(([code]) => ({ code, said })) }
}

const progress = () => {
  try {
    return readFileSync(join(dir, 'state', 'progress'), 'utf8')
  } catch {
    return ''
  }
}

/** Otherwise it was ended: what it had left open stands in its log. */
const byItself = expect.not.stringContaining('left open')

test('nobody made this machine to be a child: it ends by itself', async () => {
  expect(await start().ended).toEqual({ code: 0, said: byItself })
})

test('it is told to stop while it waits for its platform, which has taken its call and says nothing: it ends by itself', async () => {
  await writePayload(join(dir, 'fw_cfg'), somePayload())
  const { ended } = start()
  await expect.poll(progress).toContain('joins its parent')
  agent?.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, said: byItself })
})

test('it fails, because somebody has its port: it ends by itself', async () => {
  expect(await start({ METRICS_PORT: String(portOf(silent)) }).ended).toEqual({ code: 1, said: byItself })
})

test('it fails over a marker that nobody can read: nothing of it goes on in the process that it shares with its platform', async () => {
  mkdirSync(join(dir, 'state'))
  writeFileSync(join(dir, 'state', 'federation-accepted'), '{')
  const clock = new FakeClock()
  const logger = createLogger('node-agent', { level: 'silent' })
  await expect(run(configFrom(env), AbortSignal.any([]), { clock, logger })).rejects.toThrow(/JSON/)
  let sleeps = false
  void clock.sleeping().then(() => (sleeps = true))
  await clock.advance(0) // gives everybody a turn
  expect(sleeps).toBe(false)
})

test('a Redis that takes a connection and says nothing keeps nobody who stops', async () => {
  const stopping = new AbortController()
  const roots = [(await makeTestAuthority('redis.example')).rootCertificate].map((der) => Uint8Array.from(der))
  const asked = checkRedis({ address: `127.0.0.1:${portOf(silent)}`, roots, username: '', password: '', serverName: '' } as never, stopping.signal) // prettier-ignore
  await once(silent, 'connection')
  stopping.abort()
  expect(await asked, 'we hang up: it is not given its five seconds').toBe('unreachable: it closed the connection')
})
