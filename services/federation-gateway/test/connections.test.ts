import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as tcpConnect, type Socket } from 'node:net'
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Caller } from './caller.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

let b: Platform
let world: World | undefined
const sockets: Socket[] = []
const callers: Caller[] = []

beforeAll(async () => {
  b = await makePlatform('b.example')
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const caller of callers.splice(0)) caller.close()
  await world?.stop()
  world = undefined
})

type Settings = NonNullable<Parameters<typeof startWorld>[0]>
async function start(door: Settings['door'] = {}, calls: Settings['calls'] = {}): Promise<World> {
  world = await startWorld({ door, calls })
  const { registry } = world
  registry.put(routeTo(b))
  await until(async () => world !== undefined && (await metric(world, 'fed_gateway_peers')) === 1)
  return world
}

function peerOf({ door }: World): Caller {
  const caller = new Caller(door, b.gateway, 'b.example')
  callers.push(caller)
  return caller
}

function silent({ door }: World): Socket {
  const socket = tcpConnect(door, '127.0.0.1')
  socket.on('error', () => {})
  sockets.push(socket)
  return socket
}

function tls({ door }: World, options: ConnectionOptions = {}): TLSSocket {
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: door,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
    ...options,
  })
  socket.on('error', () => {})
  sockets.push(socket)
  return socket
}

const dropped = (at: World, why: string) => metric(at, 'fed_gateway_dropped_connections_total', { why })

test('ten thousand connections that never speak do not keep a peer from beating, old connection or new', async () => {
  const at = await start({ strangersPerSource: 200 })
  const early = peerOf(at)
  await early.beat()
  for (let opened = 0; opened < 10_000; opened += 500) {
    await Promise.all(Array.from({ length: 500 }, () => once(silent(at), 'connect')))
    await early.beat()
    await peerOf(at).beat()
  }
  expect(await dropped(at, 'crowded_out')).toBeGreaterThan(9_000)
})

test('a connection that never speaks is dropped in the end', async () => {
  const at = await start({ handshakeTimeoutMs: 100 })
  await once(silent(at), 'close')
  expect(await dropped(at, 'silent')).toBe(1)
})

test('a TLS handshake that dawdles is dropped', async () => {
  const at = await start({ handshakeTimeoutMs: 200 })
  const socket = silent(at)
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])) // the beginning of a ClientHello, and nothing more
  socket.resume()
  await once(socket, 'close')
  expect(await dropped(at, 'handshake_timeout')).toBe(1)
})

test("a connection that never speaks HTTP/2 after its handshake is dropped, even a peer's", async () => {
  const at = await start({ firstFrameTimeoutMs: 100 })
  const { cert, key } = b.gateway
  const socket = tls(at, { cert, key, servername: 'b.example' })
  socket.resume()
  await once(socket, 'close')
  expect(await dropped(at, 'no_first_frame')).toBe(1)
})

test('a stranger may stay for a little while only', async () => {
  const at = await start({ strangerLifetimeMs: 200 })
  const socket = tls(at)
  socket.resume()
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0') // the preface and empty settings (RFC 9113 §3.4)
  await once(socket, 'close')
})

test("a call whose message does not come is refused, and its connection ended, even a peer's", async () => {
  const at = await start({}, { defaultDeadlineMs: 100 })
  const { cert, key } = b.gateway
  const session = connectHttp2(`https://127.0.0.1:${at.door}`, {
    createConnection: () => tls(at, { cert, key, servername: 'b.example' }),
  })
  const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }
  const path = '/powernode.federation.v1.FederationService/Heartbeat'
  for (const begun of [Buffer.alloc(0), Buffer.from([0, 0, 0, 0, 100]), Buffer.alloc(5)]) {
    session
      .request({ ...headers, ':path': path })
      .on('error', () => {})
      .resume()
      .write(begun)
  }
  session.on('error', () => {})
  await once(session, 'close')
  const refused = at.logged().filter(({ outcome }) => outcome === 'DEADLINE_EXCEEDED')
  expect(refused).toHaveLength(3)
})

test('plaintext is dropped', async () => {
  const at = await start()
  const socket = silent(at)
  socket.end('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  expect(await dropped(at, 'plaintext')).toBe(1)
})

test('TLS 1.2 is refused', async () => {
  const at = await start()
  const socket = tls(at, { maxVersion: 'TLSv1.2' })
  const [error] = (await once(socket, 'error').catch((thrown: unknown) => [thrown])) as [Error & { code?: string }]
  expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  await until(async () => (await dropped(at, 'tls_version')) === 1)
})

test('what does not speak HTTP/2 is refused', async () => {
  const at = await start()
  const socket = tls(at, { ALPNProtocols: ['http/1.1'] })
  await once(socket, 'error')
  await until(async () => (await dropped(at, 'not_http2')) === 1)
  const without = tlsConnect({ host: '127.0.0.1', port: at.door, rejectUnauthorized: false })
  sockets.push(without)
  without.on('error', () => {})
  without.resume()
  await once(without, 'close')
  expect(await dropped(at, 'not_http2')).toBe(2)
})

test('no session is resumed: every connection shows its certificate anew', async () => {
  const at = await start()
  const { cert, key } = b.gateway
  const first = tls(at, { cert, key, servername: 'b.example' })
  const session = new Promise<Buffer>((resolve) => first.once('session', resolve))
  await once(first, 'secureConnect')
  const ticket = await Promise.race([
    session,
    new Promise<undefined>((resolve) => setImmediate(() => setImmediate(() => resolve(undefined)))),
  ])
  const second = tls(at, { cert, key, servername: 'b.example', ...(ticket && { session: ticket }) })
  await once(second, 'secureConnect')
  expect(second.isSessionReused()).toBe(false)
})

test('handshakes are limited for each source', async () => {
  const at = await start({ handshakesPerSource: 5 })
  const closed = Array.from({ length: 12 }, () => {
    const socket = tls(at)
    return Promise.race([
      once(socket, 'secureConnect').then(() => 'through'),
      once(socket, 'close').then(() => 'dropped'),
    ]).catch(() => 'dropped')
  })
  const outcomes = await Promise.all(closed)
  expect(outcomes.filter((outcome) => outcome === 'dropped').length).toBeGreaterThanOrEqual(2)
  expect(await dropped(at, 'handshake_rate')).toBeGreaterThanOrEqual(2)
})

test('a caller has no more than so many connections', async () => {
  const at = await start({ connectionsPerCaller: 2 })
  const [first, second] = [peerOf(at), peerOf(at)]
  await Promise.all([first.beat(), second.beat()])
  await expect(peerOf(at).beat()).rejects.toThrow(/UNAVAILABLE/)
  await first.beat()
  expect(await dropped(at, 'too_many_connections')).toBeGreaterThan(0)
})

test('however many names a peer signs for itself, they have the connections and the calls of one caller', async () => {
  const at = await start({ connectionsPerCaller: 2 }, { callsPerPeer: 3 })
  const names = await Promise.all(['n1', 'n2', 'n3'].map((name) => b.identity('service', name)))
  const under = names.map(({ material }) => new Caller(at.door, material, 'b.example'))
  callers.push(...under)
  for (const caller of under.slice(0, 2)) await expect(caller.beat()).rejects.toThrow(/no peering here knows it/)
  await expect(under[2]?.beat()).rejects.toThrow(/UNAVAILABLE/)
  expect(await dropped(at, 'too_many_connections')).toBeGreaterThan(0)
  await Promise.allSettled(under.slice(0, 2).flatMap((caller) => Array.from({ length: 4 }, () => caller.beat())))
  const calls = { rpc: 'powernode.federation.v1.FederationService/Heartbeat', outcome: 'RATE_LIMITED' }
  expect(await metric(at, 'fed_gateway_calls_total', calls)).toBeGreaterThan(0)
})

test('a stopping gateway finishes the calls it has, and frees its port', async () => {
  const at = await start({ graceMs: 5_000 })
  let answer = () => {}
  const asked = new Promise<void>((resolve) => {
    at.registry.answers.signPeerCertificate = async () => {
      resolve()
      await new Promise<void>((go) => (answer = go))
      return { certificateChain: [new Uint8Array([1])] }
    }
  })
  const { FederationService } = await import('@powernode/proto/powernode/federation/v1/service_pb.ts')
  const call = peerOf(at).call(FederationService.method.renewCertificate, { csrDer: new Uint8Array([1]) })
  await asked
  const stopped = at.stopGateway()
  answer()
  expect((await call).certificateChain).toHaveLength(1)
  await stopped
  const late = silent(at)
  const [error] = (await once(late, 'error').catch((thrown: unknown) => [thrown])) as [Error & { code?: string }]
  expect(error.code).toBe('ECONNREFUSED')
})
