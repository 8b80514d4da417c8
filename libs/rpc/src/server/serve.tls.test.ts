import { createClient as createConnectClient } from '@connectrpc/connect'
import { createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { Client as GrpcClient, credentials, type ServiceError } from '@grpc/grpc-js'
import { systemClock } from '@powernode/clock'
import { createCrls, readTlsFiles, revokedSerials, writeTlsFiles, derToPem } from '@powernode/identity'
import { BAD_CERTIFICATES } from '@powernode/identity/testing'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { callerOf, createClient, grpcDefinition, mount, refusalOf, type CallersTable } from '../index.ts'
import { expectRefusal, partly } from '../testing.ts'
import { curl, silentConnection, turnedAway } from '../testing/raw-clients.ts'
import { startTlsServer, TRUST_DOMAIN, type TlsServer } from '../testing/tls-server.ts'

const CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  getAuthority: ['operator', 'service/liveness'],
  listCertificates: ['operator'],
  issueCertificate: [],
  renewOwnCertificate: [],
  revokeCertificate: ['operator'],
  revokeIdentity: [],
  watchTrust: ['service/liveness'],
  reportTrust: [],
  planRotation: [],
  getRotation: [],
  applyRotation: [],
}
const GET_AUTHORITY = '/powernode.ca.v1.CertificateAuthorityService/GetAuthority'

const never = new Promise<never>(() => {})
let server: TlsServer
let answer = Promise.withResolvers<{ trustDomain: string }>()
let dir: string

beforeEach(async () => {
  answer = Promise.withResolvers()
  const handlers = partly(CertificateAuthorityService, {
    getAuthority: (_, context) => ({ trustDomain: callerOf(context).name }),
    listCertificates: () => answer.promise.then(() => ({})),
    async *watchTrust() {
      yield { sequence: 1n }
      await never
    },
  })
  server = await startTlsServer(mount(CertificateAuthorityService, handlers, CALLERS))
  dir = await server.identity({ kind: 'operator', name: 'alice' })
})
afterEach(() => server.stop())

/** The address and the certificate of the person with curl. */
const asAlice = () => ({ port: server.port, dir })

describe('one server speaks', () => {
  test('Connect in binary to our own clients', async () => {
    const client = createClient(CertificateAuthorityService, server.optionsFor(dir), server.signal)
    expect((await client.getAuthority({})).trustDomain).toBe('alice')
  })

  test.each([
    ['gRPC', createGrpcTransport],
    ['gRPC-Web', createGrpcWebTransport],
  ])('%s, refusals with their reason included', async (_, createTransport) => {
    const { cert, key, ca } = readTlsFiles(dir)
    const nodeOptions = { cert, key, ca, checkServerIdentity: () => undefined }
    const transport = createTransport({ httpVersion: '2', baseUrl: `https://127.0.0.1:${server.port}`, nodeOptions })
    const client = createConnectClient(CertificateAuthorityService, transport)
    expect((await client.getAuthority({})).trustDomain).toBe('alice')
    await expectRefusal(client.planRotation({}), 'CALLER_NOT_ALLOWED')
    await expectRefusal(client.revokeCertificate({ serial: '?' }), 'REQUEST_INVALID')
    await expectRefusal(client.revokeCertificate({ serial: 'a', reason: 'x'.repeat(2_000_000) }), 'MESSAGE_TOO_LARGE')
  })

  test('gRPC to grpc-js, with the details in the trailer', async () => {
    const { cert, key, ca } = readTlsFiles(dir)
    const tls = credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(cert), {
      checkServerIdentity: () => undefined,
    })
    const client = new GrpcClient(`127.0.0.1:${server.port}`, tls, { 'grpc.ssl_target_name_override': 'localhost' })
    const call = (method: 'getAuthority' | 'planRotation', message: object) => {
      const { path, requestSerialize, responseDeserialize } = grpcDefinition(CertificateAuthorityService)[method]!
      return new Promise<unknown>((resolve, reject) =>
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          message,
          (error: ServiceError | null, value) => (error ? reject(error) : resolve(value)),
        ),
      )
    }
    expect(await call('getAuthority', {})).toMatchObject({ trustDomain: 'alice' })
    await expectRefusal(call('planRotation', {}), 'CALLER_NOT_ALLOWED')
    client.close()
  })

  test('JSON over HTTP/1.1 to a person with curl', async () => {
    const res = await curl(asAlice(), GET_AUTHORITY, {
      body: '{}',
      headers: { 'content-type': 'application/json', 'x-request-id': 'from-curl' },
    })
    expect([res.status, res.json(), res.headers['x-request-id']]).toEqual([200, { trustDomain: 'alice' }, 'from-curl'])
  })
})

describe('what cannot be answered is refused with a reason', () => {
  const JSON_TYPE = { 'content-type': 'application/json' }
  test.each([
    [
      'a field that the message does not have',
      GET_AUTHORITY,
      { body: '{"nonsense": 1}', headers: JSON_TYPE },
      400,
      'REQUEST_INVALID',
    ],
    ['something that is not JSON', GET_AUTHORITY, { body: '{', headers: JSON_TYPE }, 400, 'REQUEST_INVALID'],
    ['no message', GET_AUTHORITY, { body: '', headers: JSON_TYPE }, 400, 'REQUEST_INVALID'],
    [
      'garbage as protobuf',
      GET_AUTHORITY,
      { body: 'garbage', headers: { 'content-type': 'application/proto' } },
      400,
      'REQUEST_INVALID',
    ],
    [
      'a compressed message',
      GET_AUTHORITY,
      { body: '{}', headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } },
      400,
      'REQUEST_INVALID',
    ],
    [
      'a deadline that is none',
      GET_AUTHORITY,
      { body: '{}', headers: { ...JSON_TYPE, 'connect-timeout-ms': 'soon' } },
      400,
      'REQUEST_INVALID',
    ],
    [
      'a form',
      GET_AUTHORITY,
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'REQUEST_INVALID',
    ],
    ['a GET', GET_AUTHORITY, { method: 'GET', headers: {} }, 415, 'REQUEST_INVALID'],
    [
      'a method that does not exist',
      '/powernode.ca.v1.CertificateAuthorityService/Nothing',
      { body: '{}', headers: JSON_TYPE },
      501,
      'METHOD_UNKNOWN',
    ],
    ['a page', '/', { method: 'GET', headers: {} }, 404, 'METHOD_UNKNOWN'],
    [
      'more than a mebibyte',
      GET_AUTHORITY,
      { body: 'x'.repeat(1_100_000), headers: JSON_TYPE },
      429,
      'MESSAGE_TOO_LARGE',
    ],
  ] as const)('%s', async (_, path, request, status, reason) => {
    const res = await curl(asAlice(), path, request)
    expect([res.status, res.json().details[0]?.debug]).toMatchObject([status, { reason, domain: 'powernode' }])
    expect(server.logged().findLast(({ msg }) => msg === 'request')).toMatchObject({ outcome: reason })
    // and the server is as well as before
    expect((await curl(asAlice(), GET_AUTHORITY, { body: '{}' })).status).toBe(200)
  })
})

test.each([
  ['no message', ''],
  ['two messages', '\0\0\0\0\0\0\0\0\0\0'],
  ['half a message', '\0\0\0\0\x05ab'],
])('gRPC with %s, where there must be one, is refused with a reason too', async (_, body) => {
  const headers = { 'content-type': 'application/grpc-web' }
  const res = await curl(asAlice(), GET_AUTHORITY, { body, headers })
  expect(res.status).toBe(200)
  expect(server.logged().findLast(({ msg }) => msg === 'request')).toMatchObject({ outcome: 'REQUEST_INVALID' })
  expect(res.text).toContain('grpc-status: 3')
})

describe('nobody is let in', () => {
  const logged = () => server.logged().filter(({ msg }) => msg === 'connections dropped')
  const expectReason = async (reason: string) => {
    await expect.poll(() => logged().map((line) => line['reason'])).toEqual([reason])
  }

  test('without a certificate', async () => {
    const { ca } = readTlsFiles(dir)
    expect(await turnedAway(server.port, { ca })).toContain('CERTIFICATE_REQUIRED')
    await expectReason('certificate_missing')
  })

  test('with TLS 1.2', async () => {
    const { cert, key, ca } = readTlsFiles(dir)
    expect(await turnedAway(server.port, { cert, key, ca, maxVersion: 'TLSv1.2' })).toContain('PROTOCOL_VERSION')
    await expectReason('protocol_version')
  })

  test('in plain text', async () => {
    const socket = await silentConnection(server.port)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await closed
    await expectReason('plaintext')
  })

  test.each(Object.entries(BAD_CERTIFICATES))('with a certificate %s', async (_, make) => {
    const pair = await make(server.authority, { trustDomain: TRUST_DOMAIN, kind: 'operator', name: 'mallory' })
    const why = await turnedAway(server.port, pair)
    // either the handshake fails, or the certificate verified and every call is refused
    if (why === undefined) expect(server.logged().at(-1)).toMatchObject({ outcome: 'METHOD_UNKNOWN' })
    else expect(why).toMatch(/closed|ECONNRESET|ALERT/)
  })
})

/** Takes a certificate back, as the CA does: new lists in the server's directory. */
async function revoke(...serials: string[]): Promise<void> {
  const now = systemClock.now()
  const crls = await createCrls(
    server.authority,
    serials.map((serial) => ({ serial, revokedAt: now })),
    {
      number: 1,
      now,
      nextUpdate: new Date(now.getTime() + 3_600_000),
    },
  )
  const held = readTlsFiles(server.serverDir)
  writeTlsFiles(server.serverDir, { ...held, crl: crls.map((der) => derToPem(der, 'X509 CRL')) })
}

test('a revoked certificate loses its open connection, and gets no new one; others keep theirs', async () => {
  const lost = await server.identity({ kind: 'service', name: 'liveness' })
  const kept = await server.identity({ kind: 'service', name: 'liveness' })
  const watch = async (tlsDir: string) => {
    const client = createClient(CertificateAuthorityService, server.optionsFor(tlsDir), server.signal)
    const stream = client.watchTrust({}, { signal: server.signal })[Symbol.asyncIterator]()
    await stream.next()
    return {
      client,
      next: stream.next().then(
        () => 'more',
        () => 'ended',
      ),
    }
  }
  const [losing, keeping] = await Promise.all([watch(lost), watch(kept)])
  await revoke(readTlsFiles(lost).serial)
  expect(await losing.next).toBe('ended')
  await expectRefusal(losing.client.getAuthority({}), 'SERVICE_UNAVAILABLE').catch((error: Error) =>
    expect(refusalOf(error.cause)).toBeUndefined(),
  )
  expect((await keeping.client.getAuthority({})).trustDomain).toBe('liveness')
  expect(await Promise.race([keeping.next, Promise.resolve('still open')])).toBe('still open')
  expect(revokedSerials(readTlsFiles(server.serverDir).crl ?? []).size).toBe(1)
})

test('a server that stops finishes the calls it has, ends its streams, and takes no more', async () => {
  const operator = createClient(CertificateAuthorityService, server.optionsFor(dir), server.signal)
  const watcher = createClient(
    CertificateAuthorityService,
    server.optionsFor(await server.identity({ kind: 'service', name: 'liveness' })),
    server.signal,
  )
  const stream = watcher.watchTrust({})[Symbol.asyncIterator]()
  await stream.next()
  const pending = operator.listCertificates({})
  const next = stream.next()
  await operator.getAuthority({}) // on the same connection, so the pending call has arrived as well
  const stopped = server.stopServing()
  await expectRefusal(next, 'SERVICE_UNAVAILABLE')
  answer.resolve({ trustDomain: '' })
  expect(await pending).toMatchObject({ certificates: [] })
  await stopped
  await expect(operator.getAuthority({}, { timeoutMs: 1_000 })).rejects.toThrow()
})

test('three thousand connections that never speak do not keep an honest caller out', async () => {
  const silent = []
  for (let opened = 0; opened < 3_000; opened += 100) {
    silent.push(...(await Promise.all(Array.from({ length: 100 }, () => silentConnection(server.port)))))
  }
  expect((await curl(asAlice(), GET_AUTHORITY, { body: '{}' })).status).toBe(200)
  const dropped = await server.metrics.registry.getSingleMetricAsString('fed_connections_dropped_total')
  expect(dropped).toMatch(/reason="too_many_handshakes",service="test"} \d{4}/)
  for (const socket of silent) socket.destroy()
})
