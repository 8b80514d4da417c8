import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { createLogger } from '@powernode/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBus, type Bus } from './bus.ts'
import { dialMs } from './connect-options.ts'
import { startTestNats, until, type TestNats } from './testing.ts'

const TRUST_DOMAIN = 'a.test'
const signal = new AbortController().signal
let dir: string
let nats: TestNats | undefined
let bus: Bus | undefined
let lines: string[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'powernode-test-bus-'))
  lines = []
})

afterEach(async () => {
  await bus?.close()
  await nats?.stop()
  rmSync(dir, { recursive: true })
})

const server = () => join(dir, 'nats')
const client = () => join(dir, 'liveness')

async function identify(hosts?: readonly string[]): Promise<void> {
  const authority = await makeTestAuthority(TRUST_DOMAIN)
  const id = (name: string) => ({ trustDomain: TRUST_DOMAIN, kind: 'service', name }) as const
  await makeTestIdentity(authority, id('nats'), { dir: server(), ...(hosts && { hosts }) })
  await makeTestIdentity(authority, id('liveness'), client())
}

function startTls(): Promise<TestNats> {
  const own = server()
  return startTestNats(
    `tls { cert_file: "${own}/cert.pem", key_file: "${own}/key.pem", ca_file: "${own}/roots.pem", verify: true }`,
  )
}

function open(url: string): Promise<Bus> {
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  return openBus({ servers: url, tlsDir: client(), name: 'liveness', clock: systemClock, logger })
}

const refused = (why: RegExp) =>
  until(() => lines.some((line) => line.includes('no connection to NATS') && why.test(line)))

test('a connection that is made again uses the certificates that are there then', async () => {
  await identify()
  nats = await startTls()
  bus = await open(nats.url)
  expect(await bus.connection(signal)).toBeDefined()
  await nats.kill()
  await until(() => bus?.isConnected() === false)
  await identify() // another CA altogether, on both sides
  await nats.start()
  const connection = await bus.connection(signal)
  await connection?.flush()
  expect(bus.isConnected()).toBe(true)
})

test('a NATS whose certificate does not name its host is not spoken to', async () => {
  await identify(['elsewhere.example'])
  nats = await startTls()
  bus = await open(nats.url)
  await refused(/altname|does not match/i)
  expect(bus.isConnected()).toBe(false)
})

test('a NATS of another CA is not spoken to', async () => {
  await identify()
  nats = await startTls()
  const other = await makeTestAuthority(TRUST_DOMAIN)
  await makeTestIdentity(other, { trustDomain: TRUST_DOMAIN, kind: 'service', name: 'liveness' }, client())
  bus = await open(nats.url)
  await refused(/certificate|issuer/i)
  expect(bus.isConnected()).toBe(false)
})

test('with a certificate in hand, a NATS without TLS is not spoken to', async () => {
  await identify()
  nats = await startTestNats()
  bus = await open(nats.url)
  await refused(/tls/i)
  expect(bus.isConnected()).toBe(false)
})

test('a NATS that is too busy for a connection is given more time for the next, and not for ever', () => {
  expect([1, 2, 3, 4, 50].map(dialMs)).toEqual([5_000, 10_000, 15_000, 20_000, 20_000])
})
