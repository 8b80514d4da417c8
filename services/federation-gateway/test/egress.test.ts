import { createServer as createTlsServer } from 'node:tls'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Server, ServerCredentials, experimental, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { createCrls } from '@powernode/identity'
import { createClient, grpcDefinition, Refusal, refusalOf, toGrpcStatus } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { systemClock } from '@powernode/clock'
import { BEARER } from '@powernode/policy/testing'
import { createLogger } from '@powernode/process'
import { BEAT } from './caller.ts'
import { TEST_BUNDLE } from './inner-services.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

let b: Platform
let world: World
const stops: (() => void)[] = []

beforeAll(async () => {
  b = await makePlatform('b.example')
})
afterEach(async () => {
  await world.stop()
  for (const stop of stops.splice(0)) stop()
})

type Handler = (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => void
type Met = { readonly serverName: string | false; readonly authorized: boolean; readonly presented: boolean }

/** Another platform's gateway, with ordinary gRPC behind ordinary TLS, that notes whom it met. */
async function startPeer(shown: { cert: string; key: string }, trusts: string, handlers: Record<string, Handler>) {
  const met: Met[] = []
  const asked: string[] = []
  const grpc = new Server({ 'grpc.enable_channelz': 0 })
  const { accept, heartbeat, notifyRevocation, getTrustBundle, getResource, listResources } = handlers
  const noted =
    (name: string, handler: Handler | undefined): Handler =>
    (call, answer) => {
      asked.push(`${name} ${String(call.metadata.get('x-request-id')[0])}`)
      if (handler) handler(call, answer)
      else answer(toGrpcStatus(new Refusal('METHOD_UNKNOWN', 'not here')))
    }
  grpc.addService(grpcDefinition(FederationService), {
    accept: noted('accept', accept),
    heartbeat: noted('heartbeat', heartbeat),
    notifyRevocation: noted('notifyRevocation', notifyRevocation),
    getTrustBundle: noted('getTrustBundle', getTrustBundle),
    getResource: noted('getResource', getResource),
    listResources: noted('listResources', listResources),
  })
  const injector = grpc.createConnectionInjector(
    experimental.createServerCredentialsWithInterceptors(ServerCredentials.createInsecure(), []),
  )
  const tls = createTlsServer({
    ...shown,
    ca: trusts,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.3',
  })
  tls.on('secureConnection', (socket) => {
    socket.on('error', () => {})
    stops.push(() => socket.destroy())
    const serverName = 'servername' in socket ? (socket.servername as string | false) : false // as Node has it on server sockets
    met.push({ serverName, authorized: socket.authorized, presented: socket.getPeerX509Certificate() !== undefined })
    injector.injectConnection(socket)
  })
  tls.on('tlsClientError', () => {})
  tls.listen(0, '127.0.0.1')
  await once(tls, 'listening')
  stops.push(() => tls.close())
  stops.push(() => grpc.forceShutdown())
  const { port } = tls.address() as AddressInfo
  return { port, met, asked, endpoint: (priority = 1) => endpointAt(port, priority) }
}

const endpointAt = (port: number, priority = 1, host = '127.0.0.1') => ({
  url: `https://${host}:${port}/`,
  scope: EndpointScope.WAN,
  priority,
  cidrHint: '',
})
const echo: Handler = (call, answer) =>
  answer(null, { echoNonce: (call.request as { nonce: Uint8Array }).nonce, state: 'active' })
const rootsOf = (platform: Platform) => platform.gateway.ca

function callAs(service: 'peer-registry' | 'liveness', peerId: string) {
  const client = createClient(
    FederationService,
    {
      address: { host: '127.0.0.1', port: world.inner },
      server: 'federation-gateway',
      trustDomain: world.platform.trustDomain,
      tlsDir: world.dirs[service],
      clock: systemClock,
      logger: createLogger('test', { level: 'silent' }),
    },
    world.signal,
  )
  return { client, options: { headers: { 'powernode-peer-id': peerId } } }
}

async function start(settings: Parameters<typeof startWorld>[0] = {}): Promise<void> {
  world = await startWorld({
    ...settings,
    outbound: { connectTimeoutMs: 500, attemptTimeoutMs: 1_000, retries: 1, ...settings.outbound },
  })
}

async function know(route: ReturnType<typeof routeTo>): Promise<string> {
  const { peerId } = route
  world.registry.put(route)
  await until(async () => (await metric(world, 'fed_gateway_peers')) === world.registry.peers.size)
  return peerId
}

function beat(peerId: string) {
  const { client, options } = callAs('liveness', peerId)
  return client.heartbeat(BEAT, options)
}

test('a beat goes out with our certificate, under our trust domain, and its answer comes back', async () => {
  await start()
  const peer = await startPeer(b.gateway, rootsOf(world.platform), { heartbeat: echo })
  const peerId = await know(routeTo(b, { endpoints: [peer.endpoint()] }))
  const { client, options } = callAs('liveness', peerId)
  const answer = await client.heartbeat(BEAT, { headers: { ...options.headers, 'x-request-id': 'request-0001' } })
  expect(answer.state).toBe('active')
  expect(peer.met).toEqual([{ serverName: 'a.example', authorized: true, presented: true }])
  expect(peer.asked).toEqual(['heartbeat request-0001'])
})

describe('who may call out', () => {
  test('liveness beats and nothing else; an operator not at all', async () => {
    await start()
    const peerId = await know(routeTo(b))
    const asLiveness = callAs('liveness', peerId)
    await expectRefusal(
      asLiveness.client.accept({ acceptanceToken: 'A'.repeat(43), acceptance: TEST_BUNDLE }, asLiveness.options),
      'CALLER_NOT_ALLOWED',
    )
    const asRegistry = callAs('peer-registry', peerId)
    await expectRefusal(asRegistry.client.heartbeat(BEAT, asRegistry.options), 'CALLER_NOT_ALLOWED')
  })

  test('nobody is called who is unknown, suspended, revoked or not enrolled', async () => {
    await start()
    await expectRefusal(beat('01930000-0000-7000-8000-00000000aaaa'), 'PEER_NOT_FOUND')
    await expectRefusal(beat(await know(routeTo(b, { state: PeerState.SUSPENDED }))), 'PEER_SUSPENDED')
    await expectRefusal(beat(await know(routeTo(b, { state: PeerState.REVOKED }))), 'PEER_REVOKED')
    await expectRefusal(beat(await know(routeTo(b, { state: PeerState.PROPOSED }))), 'PEER_NOT_ENROLLED')
  })

  test('nobody is called while the lease on the peers has run out', async () => {
    await start()
    const peerId = await know(routeTo(b))
    world.registry.ticking = false
    await until(() =>
      beat(peerId).then(
        () => false,
        (error: unknown) => String(error).includes('lease'),
      ),
    )
    await expectRefusal(beat(peerId), 'POLICY_STALE')
  })
})

test('a revoked peer still gets its notice, though its certificate was revoked with it', async () => {
  await start()
  const peer = await startPeer(b.gateway, rootsOf(world.platform), {
    notifyRevocation: (_call, answer) => answer(null, {}),
  })
  const now = systemClock.now()
  const params = { number: 2, now, nextUpdate: new Date(now.getTime() + 3_600_000) }
  const crls = await createCrls(b.authority, [{ serial: b.gateway.serial, revokedAt: now }], params)
  const active = routeTo(b, { endpoints: [peer.endpoint()], crls })
  const peerId = await know(active)
  await expectRefusal(beat(peerId), 'PEER_CERTIFICATE_NOT_TRUSTED')
  world.registry.put({ ...active, state: PeerState.REVOKED })
  await until(() =>
    beat(peerId).then(
      () => false,
      (error: unknown) => refusalOf(error)?.reason === 'PEER_REVOKED',
    ),
  )
  const { client, options } = callAs('peer-registry', peerId)
  await client.notifyRevocation({ notice: TEST_BUNDLE }, options)
})

describe('failover', () => {
  test('endpoints are tried in order of priority until one answers, and one that failed goes last', async () => {
    await start()
    const [first, second] = [
      await startPeer(b.gateway, rootsOf(world.platform), { heartbeat: echo }),
      await startPeer(b.gateway, rootsOf(world.platform), { heartbeat: echo }),
    ]
    const peerId = await know(routeTo(b, { endpoints: [second.endpoint(20), endpointAt(1, 5), first.endpoint(10)] }))
    await beat(peerId)
    await beat(peerId)
    expect(first.asked).toHaveLength(2)
    expect(second.asked).toHaveLength(0)
    expect(await metric(world, 'fed_gateway_endpoints', { status: 'unreachable' })).toBe(1)
    const tries = world.logged().filter(({ msg, url }) => msg === 'endpoint' && url === 'https://127.0.0.1:1/')
    expect(tries).toHaveLength(1)
  })

  test('when none answers the caller is told of each', async () => {
    await start()
    const peerId = await know(routeTo(b, { endpoints: [endpointAt(1), endpointAt(2, 2)] }))
    const refusal = await expectRefusal(beat(peerId), 'PEER_UNREACHABLE')
    expect(Object.keys(refusal.metadata)).toEqual(['https://127.0.0.1:1/', 'https://127.0.0.1:2/'])
  })

  test('a peer that says nothing after connecting is given up in time', async () => {
    await start({ outbound: { attemptTimeoutMs: 2_000, retries: 1 } })
    const mute = await startPeer(b.gateway, rootsOf(world.platform), { heartbeat: () => {} })
    const loud = await startPeer(b.gateway, rootsOf(world.platform), { heartbeat: echo })
    await beat(await know(routeTo(b, { endpoints: [mute.endpoint(1), loud.endpoint(2)] })))
    expect(loud.asked).toHaveLength(1)
  })
})

test('the circuit opens after failures in a row, and hearing from the peer closes it', async () => {
  await start({ outbound: { breakAfter: 2, breakFirstMs: 60_000, breakMaxMs: 60_000, retries: 1 } })
  const route = routeTo(b, { endpoints: [endpointAt(1)] })
  const peerId = await know(route)
  await until(() =>
    beat(peerId).then(
      () => false,
      (error: unknown) => String(error).includes('left alone'),
    ),
  )
  await expectRefusal(beat(peerId), 'PEER_CIRCUIT_OPEN')
  expect(await metric(world, 'fed_gateway_open_circuits')).toBe(1)
  const { Caller } = await import('./caller.ts')
  const caller = new Caller(world.door, b.gateway, 'b.example')
  await caller.beat()
  caller.close()
  await expectRefusal(beat(peerId), 'PEER_UNREACHABLE')
})

describe('who is not believed', () => {
  test.each([
    ['a server of another CA', async () => (await makePlatform('b.example')).gateway],
    ["another peer's server", async () => (await makePlatform('c.example')).gateway],
    ['another service of the peer', async () => (await b.identity('service', 'liveness')).material],
  ])('%s', async (_what, shown) => {
    await start()
    const impostor = await startPeer(await shown(), rootsOf(world.platform), { heartbeat: echo })
    const peerId = await know(routeTo(b, { endpoints: [impostor.endpoint()] }))
    await expectRefusal(beat(peerId), 'PEER_CERTIFICATE_NOT_TRUSTED')
    expect(impostor.asked).toHaveLength(0)
  })
})

describe('where nobody is called', () => {
  test.each([
    ['https://127.0.0.1:1/', {}],
    ['https://localhost:1/', {}],
    ['https://169.254.169.254/', { ALLOW_LOOPBACK_PEERS: 'true' }],
    ['https://[::ffff:127.0.0.1]:1/', {}],
    ['https://0.0.0.0:1/', { ALLOW_LOOPBACK_PEERS: 'true' }],
    ['https://10.0.0.1/', { ALLOW_PRIVATE_PEERS: 'false' }],
  ])('%s', async (url, env) => {
    await start({ env: { ALLOW_LOOPBACK_PEERS: 'false', ...env } })
    const peerId = await know(routeTo(b, { endpoints: [{ url, scope: EndpointScope.WAN, priority: 1 }] }))
    await expectRefusal(beat(peerId), 'URL_FORBIDDEN')
  })
})

test("the other side's refusal comes back with its reason", async () => {
  await start()
  const peer = await startPeer(b.gateway, rootsOf(world.platform), {
    heartbeat: (_call, answer) => answer(toGrpcStatus(new Refusal('PEER_SUSPENDED', 'suspended over there'))),
  })
  const refusal = await expectRefusal(beat(await know(routeTo(b, { endpoints: [peer.endpoint()] }))), 'PEER_REFUSED')
  expect(refusal.metadata).toMatchObject({ peer_reason: 'PEER_SUSPENDED', peer_message: 'suspended over there' })
  expect(peer.asked).toHaveLength(1)
})

test('a peer that says "not now" is asked again', async () => {
  await start()
  let asked = 0
  const peer = await startPeer(b.gateway, rootsOf(world.platform), {
    heartbeat: (call, answer) => {
      asked += 1
      if (asked === 1) answer(toGrpcStatus(new Refusal('POLICY_STALE', 'not now')))
      else echo(call, answer)
    },
  })
  await beat(await know(routeTo(b, { endpoints: [peer.endpoint()] })))
  expect(asked).toBe(2)
})

describe('the first contact, by the pin of an invitation', () => {
  const pinOf = (platform: Platform) => hash('sha256', platform.authority.rootCertificate, 'buffer')
  const proposed = { state: PeerState.PROPOSED, trustRoots: [], spiffeId: '', contractVersion: 0 }
  const request = { acceptanceToken: 'A'.repeat(43), acceptance: TEST_BUNDLE }
  const agree: Handler = (_call, answer) => answer(null, { agreement: TEST_BUNDLE })

  test('reaches a gateway whose root is pinned, and shows it no certificate', async () => {
    await start()
    const peer = await startPeer(b.gateway, rootsOf(world.platform), { accept: agree })
    const peerId = await know(routeTo(b, { ...proposed, caPin: pinOf(b), endpoints: [peer.endpoint()] }))
    const { client, options } = callAs('peer-registry', peerId)
    const { agreement } = await client.accept(request, options)
    expect(agreement?.payloadType).toBe('test')
    expect(peer.met.some(({ presented }) => presented)).toBe(false)
  })

  test('another root is refused before anything is said', async () => {
    await start()
    const peer = await startPeer(b.gateway, rootsOf(world.platform), { accept: agree })
    const other = await makePlatform('b.example')
    const peerId = await know(routeTo(b, { ...proposed, caPin: pinOf(other), endpoints: [peer.endpoint()] }))
    const { client, options } = callAs('peer-registry', peerId)
    await expectRefusal(client.accept(request, options), 'CA_PIN_MISMATCH')
    expect(peer.asked).toHaveLength(0)
  })

  test('another service under the pinned root is not the gateway', async () => {
    await start()
    const { material } = await b.identity('service', 'liveness')
    const peer = await startPeer(material, rootsOf(world.platform), { accept: agree })
    const peerId = await know(routeTo(b, { ...proposed, caPin: pinOf(b), endpoints: [peer.endpoint()] }))
    const { client, options } = callAs('peer-registry', peerId)
    await expectRefusal(client.accept(request, options), 'PEER_CERTIFICATE_NOT_TRUSTED')
    expect(peer.asked).toHaveLength(0)
  })

  test('without a pin only a public authority can vouch', async () => {
    await start()
    const peer = await startPeer(b.gateway, rootsOf(world.platform), { accept: agree })
    const peerId = await know(routeTo(b, { ...proposed, endpoints: [peer.endpoint()] }))
    const { client, options } = callAs('peer-registry', peerId)
    await expectRefusal(client.accept(request, options), 'PEER_CERTIFICATE_NOT_TRUSTED')
  })
})

test('a peer that signed a certificate for us is shown that one, under its own trust domain', async () => {
  await start()
  const ourId = '01930000-0000-7000-8000-00000000cccc'
  const { material } = await b.identity('peer', ourId)
  const peer = await startPeer(b.gateway, rootsOf(b), { heartbeat: echo })
  const { pemToDer } = await import('@powernode/identity')
  const peerId = await know(
    routeTo(b, {
      endpoints: [peer.endpoint()],
      certificateChain: pemToDer(material.cert, 'CERTIFICATE'),
      privateKeyPkcs8: pemToDer(material.key, 'PRIVATE KEY')[0] ?? new Uint8Array(),
    }),
  )
  await beat(peerId)
  expect(peer.met).toEqual([{ serverName: 'b.example', authorized: true, presented: true }])
})

test('a peer whose bundle was replaced is called by the new one', async () => {
  await start()
  const next = await makePlatform('b.example')
  const old = await startPeer(b.gateway, rootsOf(world.platform), { heartbeat: echo })
  const route = routeTo(b, { endpoints: [old.endpoint()] })
  const peerId = await know(route)
  await beat(peerId)
  const renewed = await startPeer(next.gateway, rootsOf(world.platform), { heartbeat: echo })
  world.registry.put(routeTo(next, { peerId, endpoints: [renewed.endpoint()] }))
  await until(() =>
    beat(peerId).then(
      () => renewed.asked.length > 0,
      () => false,
    ),
  )
  await beat(peerId)
})

test('a peer that answers with another resource than was asked for has not answered', async () => {
  await start()
  const other = { kind: 'NodeModule', id: 'm-2' }
  const peer = await startPeer(b.gateway, rootsOf(world.platform), {
    getResource: (_, answer) => answer(null, { resource: other }),
    listResources: (_, answer) => answer(null, { resources: [other, { ...other, kind: 'Vault' }] }),
  })
  const route = routeTo(b, { endpoints: [peer.endpoint()] })
  world.registry.put(route)
  await until(async () => (await metric(world, 'fed_gateway_peers')) === 1)
  world.grants.held = BEARER
  const { dir: tlsDir } = await world.platform.identity('operator', 'alice')
  const alice = createClient(
    FederationService,
    {
      address: { host: '127.0.0.1', port: world.inner },
      server: 'federation-gateway',
      trustDomain: world.platform.trustDomain,
      tlsDir,
      clock: systemClock,
      logger: createLogger('test', { level: 'silent' }),
    },
    world.signal,
  )
  const options = { headers: { 'powernode-peer-id': route.peerId } }
  expect((await alice.getResource({ kind: 'NodeModule', id: 'm-2' }, options)).resource).toMatchObject(other)
  const refusal = await expectRefusal(alice.getResource({ kind: 'NodeModule', id: 'm-1' }, options), 'PEER_UNREACHABLE')
  expect(world.ledger.of(refusal.metadata['decision_id'])).toMatchObject({ direction: 'out', allowed: false })
  await expectRefusal(alice.listResources({ kind: 'NodeModule' }, options), 'PEER_UNREACHABLE')
})
