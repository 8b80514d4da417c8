import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Code } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import {
  certificatesToPem,
  createCrls,
  derToPem,
  readTlsFiles,
  writeTlsFiles,
  type TlsMaterial,
} from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { createLogger, createMetrics } from '@powernode/process'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { callerOf, createClient, mount, requestOf, serve, within, type CallersTable } from '../index.ts'
import { everyOperator, partly } from '../testing.ts'
import { startTlsServer, TRUST_DOMAIN, type TlsServer } from '../testing/tls-server.ts'
import { keepSession } from './session.ts'
import { sessionTo } from './transport.ts'

const nobody = {
  listCertificates: [],
  issueCertificate: [],
  renewOwnCertificate: [],
  revokeCertificate: [],
  revokeIdentity: [],
  watchTrust: [],
  reportTrust: [],
  planRotation: [],
  getRotation: [],
  applyRotation: [],
} as const
const CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  ...nobody,
  getAuthority: ['service/liveness', 'service/peer-registry'],
}

const handlers = partly(CertificateAuthorityService, {
  getAuthority: (_, context) => ({
    platformId: callerOf(context).name,
    trustDomain: requestOf(context).requestId,
    rootsPem: requestOf(context).traceparent,
  }),
})

let server: TlsServer
let dir: string
beforeEach(async () => {
  server = await startTlsServer(mount(CertificateAuthorityService, handlers, CALLERS))
  dir = await server.identity({ kind: 'service', name: 'liveness' })
})
afterEach(() => server.stop())

test('a client refuses a server that is somebody else, though our CA vouches for it', async () => {
  const options = { ...server.optionsFor(dir), server: 'audit-ledger', patienceMs: 0 }
  const call = createClient(CertificateAuthorityService, options, server.signal).getAuthority({})
  await expect(call).rejects.toThrow(
    'the server is spiffe://a.example/service/peer-registry, not spiffe://a.example/service/audit-ledger',
  )
})

test('a new certificate is used from the next call on, and no call fails over it', async () => {
  const client = createClient(CertificateAuthorityService, server.optionsFor(dir), server.signal)
  let calling = true
  let calls = 0
  const traffic = (async () => {
    for (; calling; calls++) await client.getAuthority({})
  })()
  const connections = () => server.metrics.registry.getSingleMetricAsString('fed_connections')
  await makeTestIdentity(server.authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name: 'liveness' }, dir)
  await expect.poll(() => server.logged().filter(({ msg }) => msg === 'new certificate').length).toBe(1)
  const reached = calls
  await expect.poll(() => calls).toBeGreaterThan(reached + 2)
  calling = false
  await traffic
  await expect.poll(connections).toContain('} 1')
})

test('a server that went away and came back is found again, within the deadline of the call', async () => {
  const client = createClient(
    CertificateAuthorityService,
    { ...server.optionsFor(dir), patienceMs: 60_000, deadlineMs: 70_000 },
    server.signal,
  )
  await client.getAuthority({})
  await server.stopServing()
  const early = client.getAuthority({})
  const again = new AbortController()
  const listening = Promise.withResolvers<number>()
  const ended = serve(
    {
      name: 'peer-registry',
      listen: { host: '127.0.0.1', port: server.port },
      tlsDir: server.serverDir,
      trustDomain: TRUST_DOMAIN,
      services: [mount(CertificateAuthorityService, handlers, CALLERS)],
      operators: everyOperator,
      clock: systemClock,
      logger: createLogger('test', { level: 'silent' }),
      metrics: createMetrics('test'),
      onListening: listening.resolve,
    },
    again.signal,
  )
  await listening.promise
  expect((await early).platformId).toBe('liveness')
  again.abort()
  await ended
})

test('a connection that ends between being found open and being used is not used: the call goes over another', async () => {
  const session = keepSession({ ...sessionTo(server.optionsFor(dir)), patienceMs: 5_000 }, server.signal)
  const ask = async () => (await session.request('POST', '/', {}, {})).on('error', () => {})
  const earlier = await ask()
  const late = ask()
  earlier.session?.destroy()
  const stream = await late
  await once(stream, 'response')
  stream.close()
})

test('a server that is not there fails the call once patience has run out, and says who was wanted where', async () => {
  await server.stopServing()
  const client = createClient(
    CertificateAuthorityService,
    { ...server.optionsFor(dir), patienceMs: 200 },
    server.signal,
  )
  await expect(client.getAuthority({})).rejects.toThrow(
    /peer-registry at https:\/\/127.0.0.1:\d+ cannot be reached: connect ECONNREFUSED/,
  )
})

test('no call fails while a root is taken away on both sides, and every connection is made anew', async () => {
  const other = await makeTestAuthority('b.example')
  const loaded = () => server.logged().filter(({ msg }) => msg === 'tls material loaded').length
  const both = (held: TlsMaterial) => ({ ...held, ca: held.ca + certificatesToPem([other.rootCertificate]) })
  const before = [server.serverDir, dir].map((side) => [side, readTlsFiles(side)] as const)
  for (const [side, held] of before) writeTlsFiles(side, both(held))
  await expect.poll(loaded).toBe(2)

  let calling = true
  let calls = 0
  const traffic = Promise.all(
    Array.from({ length: 8 }, async () => {
      const client = createClient(CertificateAuthorityService, server.optionsFor(dir), server.signal)
      for (; calling; calls++) await client.getAuthority({})
    }),
  )
  traffic.catch(() => {}) // thrown below, after what is told first
  await expect.poll(() => calls).toBeGreaterThan(100)
  for (const [side, held] of before) writeTlsFiles(side, held)
  await expect.poll(loaded).toBe(3)
  const reached = calls
  await expect.poll(() => calls).toBeGreaterThan(reached + 500)
  calling = false
  await expect(traffic).resolves.toBeDefined()
})

test('trust that only grows disturbs nobody; a server whose certificate is taken back loses its calls at once', async () => {
  const client = createClient(Health, server.optionsFor(dir), server.signal)
  const watch = client.watch({})[Symbol.asyncIterator]()
  await watch.next()
  const ended = watch.next()
  const held = readTlsFiles(dir)
  const other = await makeTestAuthority('b.example')
  const opened = () => server.logged().filter(({ msg }) => msg === 'new certificate').length

  writeTlsFiles(dir, { ...held, ca: held.ca + certificatesToPem([other.rootCertificate]) })
  const read = () => server.logged().filter(({ msg, path }) => msg === 'tls material in use' && path === dir).length
  await expect.poll(read).toBe(2)
  expect(opened()).toBe(0)

  const now = systemClock.now()
  const serial = readTlsFiles(server.serverDir).serial
  const until = new Date(now.getTime() + 3_600_000)
  const crls = await createCrls(server.authority, [{ serial, revokedAt: now }], { number: 1, now, nextUpdate: until })
  writeTlsFiles(dir, { ...held, crl: crls.map((der) => derToPem(der, 'X509 CRL')) })
  await expect(ended).rejects.toMatchObject({
    code: Code.Unavailable,
    rawMessage: "the server's certificate was taken back",
  })
})

test('a connection that breaks under a call makes it unavailable, not canceled', async () => {
  const silent = mount(
    CertificateAuthorityService,
    partly(CertificateAuthorityService, { getAuthority: () => new Promise(() => {}) }),
    CALLERS,
  )
  const stuck = await startTlsServer(silent)
  const sockets: Socket[] = []
  const wire = createServer((near) => {
    const far = connect(stuck.port, '127.0.0.1')
    sockets.push(
      near.on('error', () => {}),
      far.on('error', () => {}),
    )
    near.pipe(far).pipe(near)
  })
  await once(wire.listen(0, '127.0.0.1'), 'listening')
  const { port } = wire.address() as AddressInfo
  const options = stuck.optionsFor(await stuck.identity({ kind: 'service', name: 'liveness' }))
  const client = createClient(
    CertificateAuthorityService,
    { ...options, address: { host: '127.0.0.1', port } },
    stuck.signal,
  )
  for (const cut of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.resetAndDestroy()]) {
    const call = client.getAuthority({})
    await expect.poll(() => sockets.length).toBe(2)
    await expect.poll(() => sockets.every(({ bytesRead }) => bytesRead > 1_000)).toBe(true)
    for (const socket of sockets.splice(0)) cut(socket)
    await expect(call).rejects.toMatchObject({ code: Code.Unavailable })
  }
  wire.close()
  await stuck.stop()
})

test('a call made within another carries its request id and its trace on', async () => {
  const onward = createClient(CertificateAuthorityService, server.optionsFor(server.serverDir), server.signal)
  const relay = partly(CertificateAuthorityService, {
    getAuthority: (_, context) => onward.getAuthority({}, within(context)),
  })
  const front = await startTlsServer(mount(CertificateAuthorityService, relay, CALLERS))
  const client = createClient(
    CertificateAuthorityService,
    front.optionsFor(await front.identity({ kind: 'service', name: 'liveness' })),
    front.signal,
  )
  const headers = {
    'x-request-id': 'one-and-the-same',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  }
  const { platformId, trustDomain, rootsPem } = await client.getAuthority({}, { headers })
  expect([platformId, trustDomain, rootsPem.slice(3, 35)]).toEqual([
    'peer-registry',
    'one-and-the-same',
    '4bf92f3577b34da6a3ce929d0e0e4736',
  ])
  await front.stop()
})
