import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import { connect as tcp, createServer as tcpServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { keepAlive } from './keep-alive.ts'

const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach((close) => close()))

/** A session to a server behind a wire that can fall silent. */
async function sessionOverWire() {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const ends: Socket[] = []
  const wire = tcpServer((near) => {
    const far = tcp((server.address() as AddressInfo).port, '127.0.0.1')
    ends.push(near, far)
    near.pipe(far).pipe(near)
  })
  await once(wire.listen(0, '127.0.0.1'), 'listening')
  const session = connect(`http://127.0.0.1:${(wire.address() as AddressInfo).port}`)
  await once(session, 'connect')
  closers.push(() => {
    session.destroy()
    for (const end of ends) end.destroy()
    wire.close()
    server.close()
  })
  return { session, fallSilent: () => ends.forEach((end) => end.unpipe().pause()) }
}

test('a server that answers its pings is kept, however silent', async () => {
  const { session } = await sessionOverWire()
  const pings = vi.spyOn(session, 'ping')
  keepAlive(session, { silenceMs: 20, pingTimeoutMs: 2_000 })
  await expect.poll(() => pings.mock.calls.length).toBeGreaterThan(5)
  expect(session.destroyed).toBe(false)
})

test('a server that vanished without a word is given up', async () => {
  const { session, fallSilent } = await sessionOverWire()
  fallSilent()
  const closed = once(session, 'close')
  keepAlive(session, { silenceMs: 20, pingTimeoutMs: 50 })
  await expect(closed).rejects.toThrow('the server does not answer')
})
