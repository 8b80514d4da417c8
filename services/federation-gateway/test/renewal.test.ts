import { once } from 'node:events'
import { connect } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { certificatesToPem, readTlsFiles, writeTlsFiles } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { Caller } from './caller.ts'
import { makePlatform, routeTo } from './platform.ts'
import { startWorld, until, type World } from './world.ts'

let world: World
afterEach(() => world.stop())

/** The serial of the certificate the door shows to whoever asks for that name. */
async function shownTo(servername: string): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port: world.door,
    servername,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  await once(socket, 'secureConnect')
  const serial = socket.getPeerX509Certificate()?.serialNumber.toLowerCase() ?? ''
  socket.destroy()
  return serial
}

test('a renewed certificate is shown from then on, to peers too, and no open connection is disturbed', async () => {
  const b = await makePlatform('b.example')
  world = await startWorld({ env: { MAX_HANDSHAKES_PER_SOURCE: '100000' } })
  const { platform, dirs, registry, door } = world
  registry.put(routeTo(b))
  const caller = new Caller(door, b.gateway, 'b.example')
  await until(() =>
    caller.beat().then(
      () => true,
      () => false,
    ),
  )
  const dir = dirs['federation-gateway']
  const before = readTlsFiles(dir).serial
  expect([await shownTo('b.example'), await shownTo('localhost')]).toEqual([before, before])

  const { serial } = await makeTestIdentity(platform.authority, readTlsFiles(dir).spiffeId, dir)
  await until(async () => (await shownTo('localhost')) === serial)
  expect(await shownTo('b.example')).toBe(serial)
  await caller.beat()
  caller.close()
})

test('while our CA is replaced, both generations of our own people are known; afterwards only the new one', async () => {
  world = await startWorld({ env: { MAX_HANDSHAKES_PER_SOURCE: '100000' } })
  const { platform, dirs, door } = world
  const { Health } = await import('@powernode/proto/grpc/health/v1/health_pb.ts')
  const next = await makeTestAuthority('a.example', 2)
  const old = await platform.identity('operator', 'alice')
  const fresh = await makeTestIdentity(next, old.material.spiffeId, {
    dir: (await platform.identity('operator', 'bob')).dir,
  })
  const served = async (shown: typeof fresh) => {
    const caller = new Caller(door, shown)
    return caller
      .call(Health.method.check, { service: '' })
      .then(
        () => true,
        () => false,
      )
      .finally(() => caller.close())
  }
  expect([await served(old.material), await served(fresh)]).toEqual([true, false])

  const dir = dirs['federation-gateway']
  const both = [platform.authority.rootCertificate, next.rootCertificate]
  writeTlsFiles(dir, { ...readTlsFiles(dir), ca: certificatesToPem(both) })
  await until(() => served(fresh))
  expect(await served(old.material)).toBe(true)

  await makeTestIdentity(next, readTlsFiles(dir).spiffeId, dir)
  await until(async () => !(await served(old.material)))
  await until(() => served(fresh))
})
