import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { freePort, holdPort, isPortFree } from './free-port.ts'
import { choosePorts } from './ports.ts'

const releases: (() => void)[] = []
afterEach(() => releases.splice(0).forEach((release) => release()))

async function choose(...given: Parameters<typeof choosePorts>) {
  const chosen = await choosePorts(...given)
  releases.push(chosen.release)
  return chosen
}

async function squat(port: number): Promise<void> {
  const squatter = createServer().listen(port, '127.0.0.1')
  await once(squatter, 'listening')
  releases.push(() => squatter.close())
}

test('a platform keeps the ports it had', async () => {
  const { ports, release } = await choose({}, undefined)
  expect(new Set(Object.values(ports)).size).toBe(Object.keys(ports).length)
  release()
  expect(await choose(ports, 7400)).toMatchObject({ ports, moved: [] })
})

test('a port that somebody took is replaced, and told of', async () => {
  const { ports: before } = await choose({}, undefined)
  await squat(before.door)
  const { ports, moved } = await choose(before, undefined)
  expect(moved).toEqual([{ port: 'door', wanted: before.door, got: ports.door }])
  expect({ ...ports, door: before.door }).toEqual(before)
})

test('a new platform that meets a taken port moves as a whole', async () => {
  const base = (await freePort()) - 22
  await squat(base + 22)
  const { ports, moved } = await choose({}, base)
  expect(ports.door - ports.nats).toBe(43 - 22)
  expect((ports.door - 43 - base) % 200).toBe(0)
  expect(moved.length).toBe(Object.keys(ports).length)
})

test('platforms that choose at the same moment do not meet, though nobody listens yet', async () => {
  const base = await freePort()
  const chosen = await Promise.all(Array.from({ length: 5 }, () => choose({}, base)))
  const all = chosen.flatMap(({ ports }) => Object.values(ports))
  expect(new Set(all).size).toBe(all.length)
})

test('free ports are free, until they are held', async () => {
  const port = await freePort()
  expect(await isPortFree(port)).toBe(true)
  const release = await holdPort(port)
  releases.push(() => release?.())
  expect([await isPortFree(port), await holdPort(port)]).toEqual([false, undefined])
})
