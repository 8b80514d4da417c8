import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request, type RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'
import { systemClock } from '@powernode/clock'
import { createCrls, derToPem, readTlsFiles, writeTlsFiles } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { filesOf, verifyDirectory } from '@powernode/ledger'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { Refusal, type OperatorLookup } from '@powernode/rpc'
import { everyOperator } from '@powernode/rpc/testing'
import { entriesPath, tilePath } from '@powernode/tlog'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { grow, KEYS, ORIGIN, TRUST_DOMAIN } from '../files/testing/grow.ts'
import { rimPaths } from '../log-files.ts'
import type { Tables } from '../store/tables.ts'
import { testLedger } from '../testing.ts'
import type { HttpRoute } from './route.ts'
import { serveHttps } from './serve-https.ts'
import { tileRoute } from './tile-route.ts'

const dir = mkdtempSync(join(tmpdir(), 'powernode-test-https-'))
const stopping = new AbortController()
const lines: string[] = []
let database: TestDatabase<Tables>
let authority: Awaited<ReturnType<typeof makeTestAuthority>>
let port: number
let running: Promise<void>

const operators: OperatorLookup = {
  async identify(credentials, signal) {
    const { holder } = credentials
    if (holder.name === 'mallory') throw new Refusal('OPERATOR_UNKNOWN', 'operator/mallory is not known here')
    const operator = await everyOperator.identify(credentials, signal)
    return holder.name === 'bob' ? { ...operator, permissions: new Set() } : operator
  },
}

const echo: HttpRoute = {
  method: 'POST',
  path: '/echo',
  open: true,
  bodyMaxBytes: 100,
  answer: ({ body }) => Promise.resolve({ status: 200, body }),
}

beforeAll(async () => {
  authority = await makeTestAuthority(TRUST_DOMAIN)
  for (const name of ['audit-ledger', 'liveness'])
    await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name }, join(dir, name))
  for (const name of ['alice', 'bob', 'carol', 'mallory'])
    await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'operator', name }, join(dir, name))
  const other = await makeTestAuthority(TRUST_DOMAIN)
  await makeTestIdentity(other, { trustDomain: TRUST_DOMAIN, kind: 'operator', name: 'alice' }, join(dir, 'stranger'))
  database = await testLedger()
  await grow(database.db, 600)
  const { promise, resolve } = Promise.withResolvers<number>()
  const deps = { db: database.db, clock: systemClock }
  running = serveHttps(
    {
      listen: { host: '127.0.0.1', port: 0 },
      tlsDir: join(dir, 'audit-ledger'),
      trustDomain: TRUST_DOMAIN,
      routes: [tileRoute(deps, { trustDomain: TRUST_DOMAIN }), echo],
      operators,
      clock: systemClock,
      logger: createLogger('test', { destination: { write: (line) => void lines.push(line) } }),
      metrics: createMetrics('test'),
      onListening: resolve,
    },
    stopping.signal,
  )
  port = await promise
})

afterAll(async () => {
  stopping.abort()
  await running
  await database.drop()
  rmSync(dir, { recursive: true })
})

type Answer = { status: number; body: Buffer; headers: NodeJS.Dict<string | string[]> }

async function ask(
  path: string,
  as: string | undefined,
  options: RequestOptions & { body?: string } = {},
): Promise<Answer> {
  const { ca } = readTlsFiles(join(dir, 'audit-ledger'))
  const own = as === undefined ? {} : readTlsFiles(join(dir, as))
  const { cert, key } = { cert: undefined, key: undefined, ...own }
  const { body, ...rest } = options
  const tls = { ca, cert, key, agent: false, checkServerIdentity: () => undefined }
  const req = request({ host: '127.0.0.1', port, path, ...tls, ...rest }).end(body)
  const [res] = (await once(req, 'response')) as [IncomingMessage] // as node:http says of the event
  return { status: res.statusCode ?? 0, body: await buffer(res), headers: res.headers }
}
/** The server's own files get a revocation list. */
async function revoke(name: string): Promise<void> {
  const now = systemClock.now()
  const serial = readTlsFiles(join(dir, name)).serial
  const nextUpdate = new Date(now.getTime() + 3_600_000)
  const crls = await createCrls(authority, [{ serial, revokedAt: now }], { number: 1, now, nextUpdate })
  writeTlsFiles(join(dir, 'audit-ledger'), {
    ...readTlsFiles(join(dir, 'audit-ledger')),
    crl: crls.map((der) => derToPem(der, 'X509 CRL')),
  })
}
const get = (path: string, as: string | undefined = 'alice') => ask(`/${ORIGIN}/${path}`, as)

test('a log that is fetched file by file verifies with nothing but its key', async () => {
  const full = [0, 1].flatMap((position) => [tilePath(0, position), entriesPath(position)])
  const files = new Map<string, Uint8Array>()
  for (const path of ['checkpoint', ...full, ...rimPaths(600)]) files.set(path, (await get(path)).body)
  const report = await verifyDirectory(filesOf(files), [KEYS.verifierOf(ORIGIN)])
  expect(report).toMatchObject({ intact: true, damages: [], entries: 600 })
})

test('tiles are for ever, checkpoints are for now, and each says what it is', async () => {
  const { headers: tile } = await get('tile/0/000')
  expect(tile).toMatchObject({
    'content-type': 'application/octet-stream',
    'cache-control': 'private, max-age=31536000, immutable',
    'content-length': '8192',
  })
  const { headers: checkpoint } = await get('checkpoint')
  expect(checkpoint).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' })
})

test('a width that nobody ever wrote is served too, and nothing beyond what is signed', async () => {
  expect((await get('tile/0/001.p/3')).body.equals((await get('tile/0/001')).body.subarray(0, 96))).toBe(true)
  expect((await get('tile/entries/002.p/1')).status).toBe(200)
  for (const path of [
    'tile/0/002.p/89',
    'tile/0/002',
    'tile/entries/002',
    'tile/1/000.p/3',
    'tile/entries/003.p/1',
    'tile/63/000',
  ])
    expect((await get(path)).status, path).toBe(404)
})

test('HEAD is a GET without its body', async () => {
  const answer = await ask(`/${ORIGIN}/tile/0/000`, 'alice', { method: 'HEAD' })
  expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '8192', 0])
})

test('no path leads anywhere else', async () => {
  const paths = [
    '/',
    '//',
    `/${ORIGIN}/../platform/checkpoint`,
    `/${ORIGIN}/%2e%2e/checkpoint`,
    `/${ORIGIN}/tile/0/../0/000`,
    `/${ORIGIN}/tile/0/00`,
    `/${ORIGIN}/tile/0/x000/000`,
    `/${ORIGIN}/tile/0/000.p/256`,
    `/${ORIGIN}/tile/0/000.p/0`,
    `/${ORIGIN}/tile/0/000?a=b`,
    `/${ORIGIN}/.new/x`,
    `/${ORIGIN}/payloads/000.jsonl`,
    `/${ORIGIN}/pruning/256`,
    `/${TRUST_DOMAIN}/peers/019f0000-0000-7000-8000-00000000ffff/checkpoint`,
    '/b.test/platform/checkpoint',
    `/${TRUST_DOMAIN}/etc/passwd`,
  ]
  for (const path of paths) expect((await ask(path, 'alice')).status, path).toBe(404)
})

test('who may not read is told why, and nothing else', async () => {
  const told = async (as: string | undefined) => {
    const { status, body } = await ask(`/${ORIGIN}/checkpoint`, as)
    return `${status} ${body.toString().trim()}`
  }
  expect(await told(undefined)).toMatch(/^401 .*certificate/)
  expect(await told('stranger')).toMatch(/^401 .*certificate/)
  expect(await told('liveness')).toMatch(/^403 .*operator/)
  expect(await told('bob')).toBe('403 this takes system.federation.read')
  expect(await told('mallory')).toMatch(/^40[13] .*not known/)
  expect(await told('alice')).toMatch(/^200 a\.test/)
})

test('an open route answers whoever asks, up to its limit', async () => {
  expect((await ask('/echo', undefined, { method: 'POST', body: 'hello' })).body.toString()).toBe('hello')
  expect((await ask('/echo', 'stranger', { method: 'POST', body: 'hello' })).status).toBe(200)
  expect((await ask('/echo', undefined, { method: 'POST', body: 'x'.repeat(101) })).status).toBe(413)
  const chunked = { 'transfer-encoding': 'chunked' }
  expect((await ask('/echo', undefined, { method: 'POST', body: 'x'.repeat(101), headers: chunked })).status).toBe(413)
  const wrong = await ask('/echo', undefined, { method: 'GET' })
  expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'POST'])
})

test('strangers who announce a request and do not send it keep no other stranger from being answered', async () => {
  const { ca } = readTlsFiles(join(dir, 'audit-ledger'))
  const head = 'POST /echo HTTP/1.1\r\nhost: a.test\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n'
  const idle = Array.from({ length: 70 }, async () => {
    const socket = connect({ host: '127.0.0.1', port, ca, checkServerIdentity: () => undefined })
    socket.on('error', () => {}).write(head)
    await once(socket, 'data')
    return socket
  })
  const sockets = await Promise.all(idle)
  expect((await ask('/echo', undefined, { method: 'POST', body: 'hello' })).status).toBe(200)
  for (const socket of sockets) socket.destroy()
})

/** A connection on which one request was answered. */
async function keptOpen(as: string): Promise<TLSSocket> {
  const { ca, cert, key } = readTlsFiles(join(dir, as))
  const socket = connect({ host: '127.0.0.1', port, ca, cert, key, checkServerIdentity: () => undefined })
  socket.on('error', () => {}).write(`GET /${ORIGIN}/checkpoint HTTP/1.1\r\nhost: a.test\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toContain('200 OK')
  return socket
}

test('a connection whose certificate is revoked is hung up on, and no new one is taken for that operator', async () => {
  const [kept, lost] = [await keptOpen('alice'), await keptOpen('carol')]
  const hungUp = once(lost, 'close')
  await revoke('carol')
  await hungUp
  expect(kept.closed).toBe(false)
  kept.destroy()
  await expect.poll(async () => (await ask(`/${ORIGIN}/checkpoint`, 'carol')).status).toBe(401)
  expect((await get('checkpoint')).status).toBe(200)
})

test('a request leaves one line', async () => {
  await get('checkpoint')
  const line = JSON.parse(lines.findLast((one) => one.includes('"request"')) ?? '{}') as object
  expect(line).toMatchObject({ path: `/${ORIGIN}/checkpoint`, caller: 'operator/alice', outcome: 'ok' })
})
