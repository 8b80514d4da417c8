import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { freePort, isPortFree } from './free-port.ts'
import { choosePorts } from './ports.ts'

test('a platform keeps the ports it had', async () => {
  const { ports } = await choosePorts({}, undefined)
  expect(new Set(Object.values(ports)).size).toBe(Object.keys(ports).length)
  expect(await choosePorts(ports, 7400)).toEqual({ ports, moved: [] })
})

test('a port that somebody took is replaced, and told of', async () => {
  const before = (await choosePorts({}, undefined)).ports
  const squatter = createServer().listen(before.door, '127.0.0.1')
  await once(squatter, 'listening')
  try {
    expect(await isPortFree(before.door)).toBe(false)
    const { ports, moved } = await choosePorts(before, undefined)
    expect(moved).toEqual([{ port: 'door', wanted: before.door, got: ports.door }])
    expect({ ...ports, door: before.door }).toEqual(before)
  } finally {
    squatter.close()
  }
})

test('a new platform that meets a taken port moves as a whole', async () => {
  const base = (await freePort()) - 22
  const squatter = createServer().listen(base + 22, '127.0.0.1')
  await once(squatter, 'listening')
  try {
    const { ports, moved } = await choosePorts({}, base)
    expect(ports.door - ports.nats).toBe(43 - 22)
    expect((ports.door - 43 - base) % 200).toBe(0)
    expect(moved.length).toBe(Object.keys(ports).length)
  } finally {
    squatter.close()
  }
})

test('free ports are free', async () => {
  expect(await isPortFree(await freePort())).toBe(true)
})
