import { randomUUID } from 'node:crypto'
import { until } from '@powernode/events/testing'
import { runTasks } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as logs from '../store/logs.ts'
import * as shipments from '../store/mirror-shipments.ts'
import * as mirrors from '../store/mirrors.ts'
import { append, borderTo, doorsOf, grow, line, mirrorDeps, sign, twoSides, type Side } from '../testing/mirrors.ts'
import { measureMirrors } from './measure-mirrors.ts'
import type { Border } from './mirror-deps.ts'
import { shipEntries } from './ship-entries.ts'

let a: Side
let b: Side
let drop: () => Promise<void>
let stopping: AbortController
let running: Promise<unknown>
let road: Border
/** What befalls the nth delivery, instead of arriving or besides. */
let mishap: (nth: number) => Error | undefined
let sent: number[]

const border: Border = {
  async addEntries(request, options) {
    const nth = sent.push(Number(request.start))
    const error = mishap(nth)
    if (error && error.message !== 'the answer is lost') throw error
    const answer = await road.addEntries(request, options)
    if (error) throw error
    return answer
  },
  readMirror: (request, options) => road.readMirror(request, options),
}

beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
  stopping = new AbortController()
  ;[running, sent, mishap] = [Promise.resolve(), [], () => undefined]
  road = borderTo(b, doorsOf(b).gateway)
})
afterEach(async () => {
  stopping.abort()
  await running
  await drop()
})

const start = (replicas = 1) => {
  const tasks = Array.from({ length: replicas }, () => (stop: AbortSignal) => shipEntries(mirrorDeps(a, border), stop))
  running = runTasks(stopping.signal, tasks)
}
const held = async () => (await b.act((tx) => mirrors.head(tx, b.peerId)))?.size ?? 0
const known = () =>
  a.act(async (tx) => {
    const log = await logs.find(tx, a.peerId)
    return log ? shipments.sizeOf(tx, log.id) : 0
  })
/** Time passes until it is so: the loops look, gather and back off by the clock. */
const come = (isSo: () => Promise<boolean> | boolean) =>
  until(async () => {
    await a.clock.advance(250)
    return isSo()
  })

test('all that is signed comes to the peer in order, and what follows goes on from there', async () => {
  await grow(a, 0, 700)
  start()
  await come(async () => (await known()) === 700)
  expect(await held()).toBe(700)
  expect(sent).toEqual([0, 256, 512])
  await grow(a, 700, 705)
  await come(async () => (await known()) === 705)
  expect(sent).toEqual([0, 256, 512, 700])
})

test('what is not signed stays here', async () => {
  await grow(a, 0, 10)
  await append(a, [line(a, 10)])
  start()
  await come(async () => (await known()) === 10)
  await a.clock.advance(10_000)
  expect(await held()).toBe(10)
})

test('a peer that is away is tried again, and gets all of it when it is back', async () => {
  mishap = (nth) => (nth <= 3 ? new Refusal('PEER_UNREACHABLE', 'away') : undefined)
  await grow(a, 0, 300)
  start()
  await come(async () => (await known()) === 300)
  expect(sent).toEqual([0, 0, 0, 0, 256])
})

test('a delivery whose answer is lost is not delivered twice: the peer says where its mirror ends', async () => {
  mishap = (nth) => (nth === 1 ? new Error('the answer is lost') : undefined)
  await grow(a, 0, 300)
  start()
  await come(async () => (await known()) === 300)
  expect(await held()).toBe(300)
  expect(sent).toEqual([0, 0, 256])
})

test('two that ship at once deliver each entry once', async () => {
  await grow(a, 0, 1_500)
  start(2)
  await come(async () => (await held()) === 1_500)
  await come(async () => (await known()) === 1_500)
})

test('a mirror that says another size each time is not chased', async () => {
  await grow(a, 0, 2_000)
  let says = 1
  road = { ...road, addEntries: () => Promise.reject(gap((says = (says * 7) % 1_999))) }
  start()
  await come(() => sent.length >= 3)
  const before = sent.length
  await until(async () => (await attempts()) > 0)
  expect(before).toBeLessThanOrEqual(4)
})

test('a peer that claims to hold more than there is is not believed, and what it may know is looked into', async () => {
  await grow(a, 0, 10)
  road = { ...road, addEntries: () => Promise.reject(gap(1_000_000)) }
  start()
  await come(async () => (await attempts()) > 0)
  expect(await known()).toBe(0)
})

test('peers that take slowly, and of whom there is always more to be taken, keep nobody else from getting theirs', async () => {
  const idOf = (n: number) => a.peerId.replace(/.{2}$/, n.toString(16).padStart(2, '0'))
  const about = (peerId: string) => ({ ...a, peerId })
  const more = (peerId: string) =>
    append(a, [line({ peerId }, 0, { id: randomUUID() })]).then(() => sign(about(peerId)))
  const [slow, last] = [Array.from({ length: 16 }, (_, n) => idOf(16 + n)), idOf(99)]
  for (const peerId of [...slow, last]) await more(peerId)
  let isServed = false
  let deliveries = 0
  road = {
    ...road,
    async addEntries({ start: from, entries }, options) {
      const peerId = new Headers(options?.headers).get('powernode-peer-id') ?? ''
      if (peerId === last) isServed = true
      else if (++deliveries < 500) await more(peerId).then(() => a.clock.advance(6_000))
      return { size: (from ?? 0n) + BigInt(entries?.length ?? 0) } as never
    },
  }
  start()
  await come(() => isServed || deliveries > 450)
  expect(isServed).toBe(true)
  stopping.abort()
})

const gap = (size: number): Refusal =>
  new Refusal('PEER_REFUSED', 'no', { metadata: { peer_reason: 'MIRROR_GAP', size: String(size) } })
const attempts = () =>
  a.act(async (tx) => {
    const log = await logs.find(tx, a.peerId)
    return log ? shipments.attemptsOf(tx, log.id) : 0
  })

test('how far mirrors are behind can be seen, without saying whose', async () => {
  const deps = mirrorDeps(a, border)
  await grow(a, 0, 10)
  running = measureMirrors(deps, stopping.signal)
  const shown = async () => (await deps.metrics.registry.metrics()).replaceAll('{service="test"}', '')
  await come(async () => (await shown()).includes('fed_audit_mirrors_behind 1'))
  expect(await shown()).toContain('fed_audit_mirror_missing_entries 10')
  expect(await shown()).toMatch(/fed_audit_mirror_lag_seconds (?!0$)\d/m)
  const shipping = shipEntries(deps, stopping.signal)
  await come(async () => (await shown()).includes('fed_audit_mirrors_behind 0'))
  expect(await shown()).toMatch(/fed_audit_mirror_lag_seconds 0$/m)
  stopping.abort()
  await shipping
  expect(await sign(a)).toContain('a.test/peers/')
})
