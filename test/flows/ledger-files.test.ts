import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { dataDir, identityDir } from '@powernode/dev/layout'
import { readTlsFiles } from '@powernode/identity'
import { filesIn, filesOf, verifyDirectory } from '@powernode/ledger'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { createClient } from '@powernode/rpc'
import { decodeBundle, entriesPath, parseCheckpoint, parseNote, parseVkey, tilePath } from '@powernode/tlog'
import { connect } from 'nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestPlatform } from '../mesh.ts'

const ENTRIES = 700
let a: TestPlatform
let origin: string
let vkeys: ReturnType<typeof parseVkey>[]

beforeAll(async () => {
  a = await TestPlatform.start('a', { env: { 'audit-ledger': { SEAL_INTERVAL: '200ms' } } })
  const gateway = createClient(AuditLedgerService, a.transport('audit-ledger', 'federation-gateway'))
  const entries = Array.from({ length: ENTRIES }, (_, i) => ({
    id: randomUUID(),
    log: 'platform',
    action: 'federation.test',
    actor: 'platform',
    payload: Buffer.from(`{"i":${i}}`),
  }))
  await gateway.append({ entries })
  const { logs } = await a.ledger.getLedgerKeys({})
  vkeys = logs.map(({ vkey }) => parseVkey(vkey))
  origin = logs.find(({ log }) => log === 'platform')?.origin ?? ''
})

afterAll(() => a.stop())

const folder = () => join(dataDir(a.platform, 'audit-ledger'), origin)
const sizeOf = (note: Uint8Array) => parseCheckpoint(parseNote(Buffer.from(note).toString()).body).size

test('the folder of a log verifies with its key alone', async () => {
  await expect.poll(() => existsSync(join(folder(), 'checkpoint'))).toBe(true)
  const report = async () => verifyDirectory(filesIn(folder()), vkeys)
  await expect.poll(async () => (await report()).checkpoint?.size).toBeGreaterThanOrEqual(ENTRIES)
  expect(await report()).toMatchObject({ intact: true, damages: [] })
})

test('an operator reads it over HTTPS with any tool, and nobody else does', async () => {
  const get = async (path: string, as?: 'admin' | 'liveness') => {
    const { ca, ...own } = readTlsFiles(identityDir(a.platform, as ?? 'admin'))
    const shown = as && { cert: own.cert, key: own.key }
    const where = {
      host: '127.0.0.1',
      port: a.platform.ports.tlog,
      path: `/${origin}/${path}`,
      ca,
      agent: false,
      ...shown,
    }
    const [res] = (await once(request(where).end(), 'response')) as [IncomingMessage] // as node:http says of the event
    return { status: res.statusCode, body: await buffer(res) }
  }
  expect((await get('checkpoint')).status).toBe(401)
  expect((await get('checkpoint', 'liveness')).status).toBe(403)
  expect(sizeOf((await get('checkpoint', 'admin')).body)).toBeGreaterThanOrEqual(ENTRIES)
  expect((await get(tilePath(0, 1), 'admin')).body).toHaveLength(8_192)
  expect(decodeBundle((await get(entriesPath(1), 'admin')).body)).toHaveLength(256)
})

test('the export verifies, payloads and all', async () => {
  const files = new Map<string, Uint8Array>()
  for await (const { path, content } of a.ledger.exportLog({ log: 'platform', payloads: true }))
    files.set(path, content)
  const report = await verifyDirectory(filesOf(files), vkeys)
  expect(report).toMatchObject({ intact: true, damages: [] })
  expect(report.payloads.checked).toBeGreaterThanOrEqual(ENTRIES)
})

test('each full segment stands in the stream that no service can change', async () => {
  const dir = identityDir(a.platform, 'admin')
  const tls = { certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem'), caFile: join(dir, 'roots.pem') }
  const connection = await connect({ servers: a.platform.site.nats, tls })
  const { streams } = await connection.jetstreamManager()
  await expect
    .poll(async () => (await streams.info('LEDGER').catch(() => undefined))?.state.messages)
    .toBeGreaterThanOrEqual(2)
  const { config } = await streams.info('LEDGER')
  expect(config).toMatchObject({ deny_delete: true, deny_purge: true, subjects: ['worm.>'], discard: 'new' })
  const second = await streams.getMessage('LEDGER', { seq: 2 })
  expect([second.subject, second.header.get('Ledger-Segment')]).toEqual(['worm.platform', '1'])
  expect(Buffer.from((await filesIn(folder()).read(entriesPath(1))) ?? []).equals(second.data)).toBe(true)
  await connection.close()
})
