import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { durationFromMs, durationMs } from '@bufbuild/protobuf/wkt'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createCrls, derToPem, pemToDer, spiffeUri, type SpiffeId } from '@powernode/identity'
import { BAD_CERTIFICATES, hasOpenssl, type BadCertificate } from '@powernode/identity/testing'
import { createLogger } from '@powernode/process'
import {
  GatewayService,
  type ExaminedEndpoint,
  type ExamineRoadResponse,
} from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRouteSchema } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { createClient } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

let b: Platform
let gatewayOfB: SpiffeId
let world: World
const stops: (() => unknown)[] = []

beforeAll(async () => {
  b = await makePlatform('b.example')
  gatewayOfB = { trustDomain: 'b.example', kind: 'service', name: 'federation-gateway' }
})
beforeEach(async () => {
  world = await startWorld({ outbound: { connectTimeoutMs: 2_000, attemptTimeoutMs: 5_000 } })
})
afterEach(async () => {
  await world.stop()
  for (const stop of stops.splice(0)) await stop()
})

const urlAt = (port: number) => `https://127.0.0.1:${port}/`

/** A route with these endpoints, known to the gateway. */
async function peerAt(
  urls: readonly string[],
  some: MessageInitShape<typeof PeerRouteSchema> = {},
  platform: Platform = b,
): Promise<string> {
  const route = routeTo(platform, { endpoints: urls.map((url) => ({ url })), ...some })
  world.registry.put(route)
  await until(async () => (await metric(world, 'fed_gateway_peers')) === world.registry.peers.size)
  return route.peerId
}

function roads(as: 'liveness' | 'peer-registry' = 'liveness') {
  return createClient(
    GatewayService,
    {
      address: { host: '127.0.0.1', port: world.inner },
      server: 'federation-gateway',
      trustDomain: world.platform.trustDomain,
      tlsDir: world.dirs[as],
      clock: systemClock,
      logger: createLogger('test', { level: 'silent' }),
    },
    world.signal,
  )
}

async function examined(peerId: string): Promise<{ endpoint: ExaminedEndpoint; all: ExamineRoadResponse }> {
  const all = await roads().examineRoad({ peerId })
  const [endpoint] = all.endpoints
  if (!endpoint) throw new Error(`nothing was tried: ${all.refused}`)
  return { endpoint, all }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Takes connections and does with them what it is told; how many it took. */
async function tcpServer(treat: (socket: Socket) => void) {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    treat(socket)
  })
  stops.push(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { port: await listening(server), taken: () => open.size }
}

/** TLS 1.3 with this certificate; `asked` is all that was ever said to it. */
async function tlsServer(shown: { readonly cert: string; readonly key: string }, options: object = {}) {
  const heard: Buffer[] = []
  const server = createTlsServer({ ...shown, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'], ...options })
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => open.add(socket))
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => heard.push(chunk))
  })
  server.on('tlsClientError', () => {})
  stops.push(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { port: await listening(server), heard }
}

/** The gateway of another platform that knows us, or knows us otherwise. */
async function otherGateway(knowsUs: MessageInitShape<typeof PeerRouteSchema> | undefined): Promise<World> {
  const there = await startWorld({ trustDomain: 'there.example' })
  stops.push(() => there.stop())
  if (knowsUs) there.registry.put(routeTo(world.platform, knowsUs))
  await until(async () => (await metric(there, 'fed_gateway_peers')) === there.registry.peers.size)
  return there
}

test('a good road: every piece of it is told, and both chains hold link by link', async () => {
  const there = await otherGateway({})
  const peerId = await peerAt([urlAt(there.door)], {}, there.platform)
  const { endpoint, all } = await examined(peerId)
  expect(endpoint).toMatchObject({
    addresses: ['127.0.0.1'],
    nameError: '',
    connected: true,
    tls: true,
    tlsVersion: 'TLSv1.3',
    alpn: 'h2',
    tlsError: '',
    refusedBy: '',
    answered: true,
    answerError: '',
    theirs: true,
  })
  const name = spiffeUri({ trustDomain: 'there.example', kind: 'service', name: 'federation-gateway' })
  expect(endpoint.theirChain.map(({ spiffeId, fault }) => [spiffeId, fault])).toEqual([
    [name, ''],
    ['', ''],
    ['', ''],
  ])
  expect(all.ourChain.map(({ fault }) => fault)).toEqual(['', '', ''])
  expect(all.ourChain[0]?.spiffeId).toBe('spiffe://a.example/service/federation-gateway')
  expect(all.trustedRoots.map(({ fault }) => fault)).toEqual([''])
  expect(all.expectedSpiffeId).toBe(name)
  expect(Math.abs(durationMs(endpoint.clockOffset!))).toBeLessThan(10_000)
  expect(durationMs(endpoint.roundTrip!)).toBeGreaterThanOrEqual(0)
  expect(there.liveness.peersHeard).toEqual([]) // nobody was told that a beat had come
})

describe('what is wrong on the way is named where it is', () => {
  test('a name that does not exist', async () => {
    const { endpoint } = await examined(await peerAt(['https://nobody.invalid/']))
    expect(endpoint.nameError).toMatch(/^PEER_UNREACHABLE: nobody\.invalid cannot be resolved/)
    expect(endpoint).toMatchObject({ addresses: [], connected: false, tls: false })
  })

  test('an address that we call never', async () => {
    const { endpoint } = await examined(await peerAt(['https://169.254.169.254/']))
    expect(endpoint.nameError).toMatch(/^URL_FORBIDDEN: /)
    expect(endpoint.connected).toBe(false)
  })

  test('a port where nobody listens', async () => {
    const { port } = await tcpServer(() => {})
    for (const stop of stops.splice(0)) await stop()
    const { endpoint } = await examined(await peerAt([urlAt(port)]))
    expect(endpoint.connectError).toMatch(new RegExp(`^127.0.0.1 port ${port}: .*ECONNREFUSED`))
    expect(endpoint).toMatchObject({ connected: false, tls: false, theirChain: [] })
  })

  test('a port that takes connections and says nothing', async () => {
    const { port } = await tcpServer(() => {})
    const { endpoint } = await examined(await peerAt([urlAt(port)]))
    expect(endpoint).toMatchObject({ connected: true, tls: false, tlsError: 'nothing within 2000 ms', refusedBy: '' })
  })

  test('whoever asks for a road that is being walked is told what comes of that: one connection for all', async () => {
    const silent = await tcpServer(() => {})
    const peerId = await peerAt([urlAt(silent.port)])
    const found = await Promise.all([1, 2, 3].map(() => roads().examineRoad({ peerId })))
    expect(found.map(({ endpoints }) => endpoints[0]?.tlsError)).toEqual(Array(3).fill('nothing within 2000 ms'))
    expect(silent.taken()).toBe(1)
  })

  test('an examination that has to be done by then is, and says what it was waiting for', async () => {
    const { port } = await tcpServer(() => {})
    const peerId = await peerAt([urlAt(port)])
    const { endpoints } = await roads().examineRoad({ peerId, within: durationFromMs(200) })
    expect(endpoints[0]?.connected).toBe(true)
    expect(endpoints[0]?.tlsError).toMatch(/^nothing within 1?\d?\d ms$/)
  })

  test('of several addresses of a name the first that takes a connection is looked at, and the others are let go', async () => {
    const addresses = await lookup('localhost', { all: true })
    const server = await tlsServer(b.gateway)
    const { endpoint } = await examined(await peerAt([`https://localhost:${server.port}/`]))
    expect(endpoint.addresses).toEqual(addresses.map(({ address }) => address))
    expect(endpoint).toMatchObject({ connected: true, connectError: '', tls: true, theirs: true })
  })

  test('a server that speaks no TLS, and one that hangs up', async () => {
    const plain = await tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const rude = await tcpServer((socket) => socket.once('data', () => socket.destroy()))
    const { endpoints } = await roads().examineRoad({ peerId: await peerAt([urlAt(plain.port), urlAt(rude.port)]) })
    expect(endpoints.map(({ tls, tlsError }) => [tls, tlsError])).toEqual([
      [false, expect.stringMatching(/ERR_SSL_|wrong version|packet length/)],
      [false, expect.stringMatching(/hung up|disconnected|ECONNRESET/)],
    ])
  })
})

describe('their chain', () => {
  const faults: readonly [BadCertificate, number, RegExp, boolean][] = [
    ['expired', 0, /^expired: ended /, true],
    ['not yet valid', 0, /^not_yet_valid: begins /, true],
    ['of another trust domain', 0, /^wrong_identity: it is spiffe:\/\/elsewhere\.example/, false],
    ['without SPIFFE id', 0, /^wrong_identity: it is nobody we know/, false],
    ['self-signed', 0, /^issuer_unknown: it is signed by itself/, false],
    ['signed by a leaf', 0, /^issuer_unknown: nobody shows or holds CN=forged/, false],
    ['of a foreign CA of the same name', 2, /^issuer_unknown: it is signed by itself/, false],
    ['of a CA bound to nothing', 2, /^issuer_unknown: /, false],
  ]

  test.each(faults)(
    'a certificate %s is refused by us at link %i, and nothing is said to who shows it',
    async (...row) => {
      const [name, link, fault, theirs] = row
      const server = await tlsServer(await BAD_CERTIFICATES[name](b.authority, gatewayOfB))
      const { endpoint } = await examined(await peerAt([urlAt(server.port)]))
      expect(endpoint).toMatchObject({ connected: true, tls: true, refusedBy: 'us', answered: false, theirs })
      expect(endpoint.tlsError).not.toBe('')
      expect(endpoint.theirChain[link]?.fault).toMatch(fault)
      expect(server.heard).toEqual([])
    },
  )

  test('a server of quite another platform is not theirs, and what it is is said to us alone', async () => {
    const foreign = await makePlatform('foreign.example')
    const server = await tlsServer(foreign.gateway)
    const { endpoint } = await examined(await peerAt([urlAt(server.port)]))
    expect(endpoint).toMatchObject({ refusedBy: 'us', theirs: false, answered: false })
    expect(endpoint.theirChain.at(-1)?.fault).toMatch(/^issuer_unknown: /)
  })

  test('a certificate that their own list has taken back', async () => {
    const now = systemClock.now()
    const [leaf] = pemToDer(b.gateway.cert, 'CERTIFICATE')
    expect(leaf).toBeDefined()
    const taken = [{ serial: b.gateway.serial, revokedAt: now }]
    const crls = await createCrls(b.authority, taken, {
      number: 2,
      now,
      nextUpdate: new Date(now.getTime() + 3_600_000),
    })
    const server = await tlsServer(b.gateway)
    const { endpoint } = await examined(await peerAt([urlAt(server.port)], { crls }))
    expect(endpoint).toMatchObject({ tlsError: 'CERT_REVOKED', refusedBy: 'us', theirs: true })
    expect(endpoint.theirChain.map(({ fault }) => fault.split(':')[0])).toEqual(['revoked', '', ''])
  })
})

describe('our chain, as they see it', () => {
  test('a gateway that does not know us says so, by name', async () => {
    const there = await otherGateway(undefined)
    const { endpoint } = await examined(await peerAt([urlAt(there.door)], {}, there.platform))
    expect(endpoint).toMatchObject({ tls: true, tlsError: '', answered: false, refusedBy: 'them', theirs: true })
    expect(endpoint.answerError).toMatch(/^CERTIFICATE_NOT_TRUSTED: /)
  })

  test('a certificate that they signed for us and that has ended: their refusal, and the link of ours', async () => {
    const there = await otherGateway(undefined)
    const us = { trustDomain: 'there.example', kind: 'peer', name: crypto.randomUUID() } as const
    const ended = await BAD_CERTIFICATES.expired(there.platform.authority, us)
    const shown = {
      certificateChain: pemToDer(ended.cert, 'CERTIFICATE'),
      privateKeyPkcs8: pemToDer(ended.key, 'PRIVATE KEY')[0]!,
    }
    const { endpoint, all } = await examined(await peerAt([urlAt(there.door)], shown, there.platform))
    expect(endpoint).toMatchObject({ tls: true, answered: false, refusedBy: 'them' })
    expect(endpoint.answerError).toMatch(/^CERTIFICATE_NOT_TRUSTED: .*CERT_HAS_EXPIRED/)
    expect(all.ourChain[0]?.fault).toMatch(/^expired: ended /)
    expect(all.ourChain[0]?.spiffeId).toBe(spiffeUri(us))
  })

  test('a peer that has suspended us believes our certificate all the same', async () => {
    const there = await otherGateway({ state: PeerState.SUSPENDED })
    const { endpoint } = await examined(await peerAt([urlAt(there.door)], {}, there.platform))
    expect(endpoint).toMatchObject({ tls: true, answered: false, refusedBy: '' })
    expect(endpoint.answerError).toMatch(/^PEER_SUSPENDED: /)
  })

  test('a server that hangs up on what it does not trust', async () => {
    const strict = {
      requestCert: true,
      rejectUnauthorized: true,
      ca: derToPem(b.authority.rootCertificate, 'CERTIFICATE'),
    }
    const server = await tlsServer(b.gateway, strict)
    const { endpoint } = await examined(await peerAt([urlAt(server.port)]))
    expect(endpoint).toMatchObject({ tls: true, answered: false, theirs: true })
    expect(endpoint.answerError).toMatch(/^PEER_UNREACHABLE: /)
  })

  test.skipIf(!hasOpenssl)(
    'a server that answers our certificate with an alert: its number is told, and whose it was',
    async () => {
      const port = await opensslServer(b)
      const { endpoint } = await examined(await peerAt([urlAt(port)]))
      expect(endpoint).toMatchObject({ tls: true, answered: false, refusedBy: 'them', theirs: true })
      expect(endpoint.answerError).toMatch(/unknown ca.*\(alert 48, theirs\)/i)
    },
  )
})

/** A server as others write them: demands a certificate of its own CA, and says by an alert what it thinks of others. */
async function opensslServer(platform: Platform): Promise<number> {
  const { port } = await tcpServer(() => {})
  for (const stop of stops.splice(-1)) await stop()
  const dir = mkdtempSync(join(tmpdir(), 'powernode-openssl-'))
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 })
    return join(dir, name)
  }
  const { cert, key, ca } = platform.gateway
  const certFile = file('cert.pem', cert)
  const args = ['-cert', certFile, '-cert_chain', certFile, '-key', file('key.pem', key), '-CAfile', file('ca.pem', ca)]
  const accept = ['-accept', `127.0.0.1:${port}`, '-alpn', 'h2', '-tls1_3', '-Verify', '4', '-verify_return_error']
  const server = spawn('openssl', ['s_server', ...accept, ...args], { stdio: ['pipe', 'pipe', 'ignore'] })
  stops.push(() => server.kill())
  let text = ''
  server.stdout.on('data', (chunk: Buffer) => (text += String(chunk)))
  await until(() => text.includes('ACCEPT'))
  return port
}

describe('who may be looked at', () => {
  test.each([
    ['suspended', PeerState.SUSPENDED, 'PEER_SUSPENDED'],
    ['revoked', PeerState.REVOKED, 'PEER_REVOKED'],
    ['proposed', PeerState.PROPOSED, 'PEER_NOT_ENROLLED'],
  ] as const)('nobody connects anywhere for a %s peer', async (_name, state, reason) => {
    const { port, taken } = await tcpServer(() => {})
    const peerId = await peerAt([urlAt(port)], { state })
    const { refused, endpoints } = await roads().examineRoad({ peerId })
    expect(refused).toMatch(new RegExp(`^${reason}: `))
    expect(endpoints).toEqual([])
    await expectRefusal(roads().probePeer({ peerId }), reason)
    expect(taken()).toBe(0)
  })

  test('nor for one that is none', async () => {
    const { refused } = await roads().examineRoad({ peerId: crypto.randomUUID() })
    expect(refused).toMatch(/^PEER_NOT_FOUND: /)
  })

  test('while the lease on the peers has run out it is not known who is one', async () => {
    const { port, taken } = await tcpServer(() => {})
    const peerId = await peerAt([urlAt(port)])
    world.registry.ticking = false
    await until(async () => (await roads().examineRoad({ peerId })).refused.startsWith('POLICY_STALE: '))
    const seen = taken()
    await roads().examineRoad({ peerId })
    expect(taken()).toBe(seen)
  })
})

describe('a probe', () => {
  test('says of each endpoint whether the peer answers there, without a beat, and lets calls through again', async () => {
    const there = await otherGateway({})
    const { port: silent } = await tcpServer(() => {})
    const foreign = await tlsServer(
      await BAD_CERTIFICATES['of a foreign CA of the same name'](there.platform.authority, gatewayOfB),
    )
    const urls = [urlAt(there.door), urlAt(silent), urlAt(foreign.port), 'https://nobody.invalid/']
    const { endpoints } = await roads().probePeer({ peerId: await peerAt(urls, {}, there.platform) })
    expect(endpoints.map(({ url, reachable, detail }) => [url, reachable, detail])).toEqual([
      [urls[0], true, expect.stringMatching(/^answered in \d+ ms$/)],
      [urls[1], false, 'PEER_UNREACHABLE: no connection within 2000 ms'],
      [urls[2], false, expect.stringMatching(/^PEER_CERTIFICATE_NOT_TRUSTED: /)],
      [urls[3], false, expect.stringMatching(/^PEER_UNREACHABLE: nobody\.invalid cannot be resolved/)],
    ])
    expect(there.liveness.peersHeard).toEqual([])
  })

  test('of a name with several addresses takes no longer than of one, and one that answers is enough', async () => {
    const there = await otherGateway({})
    const peerId = await peerAt([`https://localhost:${there.door}/`], {}, there.platform)
    const [endpoint] = (await roads().probePeer({ peerId })).endpoints
    expect(endpoint).toMatchObject({ reachable: true })
    const { endpoints: known } = await roads('peer-registry').listEndpoints({ peerIds: [peerId] })
    expect(known.map(({ status }) => status)).toEqual(['reachable'])
  })

  test('of a peer that refuses us is told as that, and of one that says "not now" as an answer', async () => {
    const there = await otherGateway({ state: PeerState.SUSPENDED })
    const peerId = await peerAt([urlAt(there.door)], {}, there.platform)
    const [refused] = (await roads().probePeer({ peerId })).endpoints
    expect(refused?.reachable).toBe(false)
    expect(refused?.detail).toMatch(/^PEER_REFUSED: .*suspended/)
    there.registry.ticking = false
    await until(async () => {
      const [now] = (await roads().probePeer({ peerId })).endpoints
      return now?.reachable === true && /^answered in \d+ ms: .*lease/.test(now.detail)
    })
  })

  test('one endpoint that never answers does not keep the others waiting longer than its own limit', async () => {
    let [held, most] = [0, 0]
    const hold = (socket: Socket) => {
      most = Math.max(most, ++held)
      socket.resume().once('close', () => held--)
    }
    const silent = await Promise.all(Array.from({ length: 8 }, () => tcpServer(hold)))
    const { endpoints } = await roads().probePeer({ peerId: await peerAt(silent.map(({ port }) => urlAt(port))) })
    expect(endpoints.every(({ reachable }) => !reachable)).toBe(true)
    expect(most, 'they are asked side by side, not one after the other').toBe(8)
  })
})
