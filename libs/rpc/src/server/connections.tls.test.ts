import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { systemClock } from '@powernode/clock'
import { FakeClock } from '@powernode/clock/testing'
import { readTlsFiles } from '@powernode/identity'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createClient } from '../index.ts'
import { startTlsServerAt, type TlsServer } from '../testing/tls-server.ts'

let clock: FakeClock
let server: TlsServer
let dir: string
beforeEach(async () => {
  clock = new FakeClock(systemClock.now())
  server = await startTlsServerAt(clock)
  dir = await server.identity({ kind: 'operator', name: 'alice' })
})
afterEach(() => server.stop())

async function greet(): Promise<TLSSocket> {
  const { cert, key, ca } = readTlsFiles(dir)
  const socket = connect({
    host: '127.0.0.1',
    port: server.port,
    cert,
    key,
    ca,
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
  })
  await once(socket, 'secureConnect')
  await expect.poll(() => server.metrics.registry.getSingleMetricAsString('fed_connections')).toContain('} 1')
  return socket.resume()
}

test('a connection that shows its certificate and then says nothing is dropped after ten seconds', async () => {
  const socket = await greet()
  await clock.advance(10_000)
  expect(socket.destroyed).toBe(false)
  const closed = once(socket, 'close')
  await clock.advance(2_000)
  await closed
  expect(server.logged()).toContainEqual(expect.objectContaining({ reason: 'silent', msg: 'connections dropped' }))
})

test('a connection that has spoken may be silent for as long as it likes', async () => {
  const health = createClient(Health, server.optionsFor(dir), server.signal)
  await health.check({})
  await clock.advance(3_600_000)
  await health.check({})
  expect(server.logged().filter(({ msg }) => msg === 'connections dropped')).toEqual([])
})

test('a connection ends when its certificate does', async () => {
  const health = createClient(Health, server.optionsFor(dir), server.signal)
  const watch = health.watch({})[Symbol.asyncIterator]()
  await watch.next()
  const next = watch.next()
  await clock.advance(23 * 3_600_000)
  expect(await Promise.race([next, Promise.resolve('open')])).toBe('open')
  void next.catch(() => {})
  await clock.advance(2 * 3_600_000)
  await expect(next).rejects.toThrow()
  expect(server.logged()).toContainEqual(expect.objectContaining({ reason: 'certificate_ended' }))
})
