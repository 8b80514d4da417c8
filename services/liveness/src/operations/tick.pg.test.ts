import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decide } from '../remediation/decide.ts'
import { fromWords } from '../remediation/inputs.ts'
import { STALE_MS, TICK_MS, World } from '../watch/testing/world.ts'
import { at } from './testing.ts'

const MIN = 60_000
const HOUR = 60 * MIN
let world: World
let peerId: string
let others: readonly string[]
beforeEach(async () => {
  world = await World.open()
  peerId = randomUUID()
  others = Array.from({ length: 19 }, () => randomUUID())
  await world.tick()
})
afterEach(() => world.database.drop())

/** Everybody is heard all the time, but the one. */
async function fallsSilent(): Promise<void> {
  await world.heard([peerId])
  for (let passed = 0; passed < STALE_MS; passed += MIN) {
    await world.heard(others)
    await world.pass(MIN)
  }
}
const hearOthers = () => world.heard(others)
const degraded = async () => (await world.diary()).filter(({ action }) => action === 'degraded')

test('a silent peer is named, seen twice, probed, and degraded when it does not answer', async () => {
  await fallsSilent()
  expect(await world.open(peerId)).toMatchObject([{ reason: 'heartbeat_stale', severity: 'high', peerState: 'active' }])
  const [entry] = await world.decide('unreachable')
  expect(entry).toMatchObject({ action: 'degraded', peerId, verb: 'notify_and_proceed', mode: 'acting' })
  expect(await world.news()).toEqual(['listening_anew', 'silent', 'signalled', 'unreachable'])
})

test('whoever reads the diary comes to the same decision', async () => {
  await fallsSilent()
  await world.decide('unreachable')
  for (const { inputs, action, detail } of await world.diary())
    expect(decide(fromWords(inputs))).toMatchObject({ action, detail })
})

test('a break is named within thirty seconds of the stale bound, one way as well as both ways', async () => {
  await world.heard([peerId])
  for (let passed = 0; passed < STALE_MS + 20_000; passed += TICK_MS) {
    await hearOthers()
    await world.heardOneWay(peerId, 'last_heard_at')
    await world.pass(TICK_MS)
  }
  const [signal] = await world.open(peerId)
  expect(signal).toMatchObject({ reason: 'one_way', detail: expect.stringContaining('they do not hear us') as string })
  expect(signal?.openedAt.getTime()).toBeLessThanOrEqual(at(STALE_MS + 30_000).getTime())
})

test('a peer that answers is given time and beaten; heard again, its signal closes and the diary says so', async () => {
  await fallsSilent()
  const [entry] = await world.decide('reachable')
  expect(entry).toMatchObject({ action: 'rehandshaked', reachable: true })
  await world.pass(MIN)
  await world.heard([peerId, ...others])
  await world.pass(TICK_MS)
  expect(await world.open(peerId)).toEqual([])
  expect((await world.diary(peerId))[0]).toMatchObject({ id: entry?.id, recoveredAt: at(world.nowMs) })
  expect(await world.news()).toContain('signal_closed')
})

test('one that answers and is not heard for another stale limit is degraded all the same', async () => {
  await fallsSilent()
  await world.decide('reachable')
  for (let passed = 0; passed < STALE_MS - MIN; passed += MIN) {
    await hearOthers()
    expect((await world.pass(MIN)).flatMap(({ probes }) => probes)).toEqual([])
  }
  await hearOthers()
  expect((await world.decide('reachable', 2 * MIN))[0]).toMatchObject({ action: 'degraded', reachable: true })
})

test('a degraded peer is looked at after one, two, four minutes and so on, and told of again when it has been away for long', async () => {
  await fallsSilent()
  await world.decide('unreachable')
  world.move(peerId, 'degraded')
  const began = world.nowMs
  const looks: number[] = []
  while (world.nowMs - began < 65 * MIN) {
    await hearOthers()
    for (const ticked of await world.pass(TICK_MS)) {
      if (ticked.probes.length === 0) continue
      looks.push(Math.round((ticked.now.getTime() - at(began).getTime()) / MIN))
      await world.settle(ticked, 'unreachable')
    }
  }
  expect(looks).toEqual([1, 3, 7, 15, 31, 60])
  const entries = (await world.diary(peerId)).map(({ action, detail }) => [action, detail])
  expect(entries).toHaveLength(3) // degraded, the first look, and that an hour has passed; nothing is said twice
  expect(await world.open(peerId)).toMatchObject([{ escalation: 1, severity: 'high' }])
})

test('so many at once is us: nobody is degraded, one critical event; it closes, and who stays away is looked at', async () => {
  const all = [peerId, ...others]
  await world.heard(all)
  const ticks = await world.pass(STALE_MS + 2 * MIN)
  expect(ticks.flatMap(({ probes }) => probes)).toEqual([])
  expect(await degraded()).toEqual([])
  expect((await world.news()).filter((word) => word === 'breaker_opened')).toHaveLength(1)
  expect(new Set((await world.diary()).map(({ whyHeld }) => whyHeld))).toEqual(new Set(['breaker']))
  expect(await world.diary()).toHaveLength(20)

  for (let passed = 0; passed < 3 * MIN; passed += TICK_MS) {
    await hearOthers()
    for (const ticked of await world.pass(TICK_MS))
      for (const entry of await world.settle(ticked, 'unreachable')) if (entry) world.move(entry.peerId, 'degraded')
  }
  expect(await world.news()).toContain('breaker_closed')
  expect((await degraded()).map((one) => one.peerId)).toEqual([peerId])
})

test('we were down for an hour: nobody is silent for that, and it is said', async () => {
  await world.heard([peerId, ...others])
  await world.pass(MIN)
  await world.jump(HOUR)
  world.restart()
  expect(await world.tick()).toMatchObject({ anew: 'nobody listened for 60 min', probes: [] })
  expect(await world.sweep()).toBe(0)
  await world.pass(STALE_MS - 2 * TICK_MS)
  expect(await world.open()).toEqual([])
  expect(await world.news()).not.toContain('silent')
  await world.heard(others)
  await world.pass(MIN)
  expect(await world.open()).toMatchObject([{ peerId }]) // a whole stale limit after it began anew
})

test.each([
  ['stalled for six minutes', 6 * MIN, 0, 'stalled for 6 min'],
  ['set forward by an hour', TICK_MS, HOUR, 'the clock went forward by 60 min'],
  ['set back by an hour', TICK_MS, -HOUR, 'the clock went back by 60 min'],
] as const)('%s: nobody is silent for that, and it is said', async (_, ms, clockMs, reason) => {
  await world.heard([peerId, ...others])
  await world.pass(MIN)
  await world.jump(ms, { clockMs })
  expect(await world.tick()).toMatchObject({ anew: reason, probes: [] })
  await world.pass(STALE_MS - 2 * TICK_MS)
  expect(await world.news()).toEqual(['listening_anew', 'listening_anew', 'breaker_opened'])
})

test('a clock that was set back hides nobody: who is silent from then on is named after a stale limit', async () => {
  await world.heard([peerId, ...others])
  await world.pass(MIN)
  await world.jump(TICK_MS, { clockMs: -HOUR })
  await world.tick()
  for (let passed = 0; passed < STALE_MS + MIN; passed += MIN) {
    await hearOthers()
    await world.pass(MIN)
  }
  expect(await world.open()).toMatchObject([{ peerId }])
})

test('while no gateway is there nobody is heard and nobody is silent; it is said once', async () => {
  await world.heard([peerId, ...others])
  await world.pass(2 * STALE_MS, { ear: false })
  expect(await world.open()).toEqual([])
  expect(await world.news()).toEqual(['listening_anew', 'listening_anew'])
})

test('a probe that comes back when nobody has ticked for long decides nothing', async () => {
  await fallsSilent()
  const ticked = (await world.pass(MIN)).find(({ probes }) => probes.length > 0)
  await world.jump(MIN)
  expect(await world.settle(ticked!, 'unreachable')).toEqual([undefined])
  expect(await world.diary()).toEqual([])
})

test('heard while it was probed: there is nothing to decide any more', async () => {
  await fallsSilent()
  const ticked = (await world.pass(MIN)).find(({ probes }) => probes.length > 0)
  await world.heard([peerId])
  expect(await world.settle(ticked!, 'unreachable')).toEqual([undefined])
  expect(await degraded()).toEqual([])
})

test('under require_approval it is asked for, and done when it is given', async () => {
  world.policy = { verb: 'require_approval', halted: false }
  await fallsSilent()
  const ticked = (await world.pass(MIN)).find(({ probes }) => probes.length > 0)
  expect(await world.settle(ticked!, 'unreachable')).toMatchObject([{ action: 'awaiting_approval' }])
  expect(await world.decide('unreachable', 30_000)).toEqual([])
  await hearOthers()
  const approvalId = randomUUID()
  await world.approve(peerId, 'heartbeat_stale', approvalId)
  expect(await world.decide('unreachable')).toMatchObject([{ action: 'degraded', approvalId }])
  expect((await world.open(peerId))[0], 'until the peer is not active any more').toMatchObject({ approvalId })
})

test('an enrolled peer that was never heard is named after a stale limit, and never degraded', async () => {
  world.peers.set(peerId, { peerId, state: 'enrolled', staleAfterMs: STALE_MS, certificates: [] })
  world.expect(peerId, 0)
  for (let passed = 0; passed < STALE_MS - TICK_MS; passed += TICK_MS) {
    await hearOthers()
    await world.pass(TICK_MS)
  }
  expect(await world.open(peerId)).toEqual([])
  await hearOthers()
  expect((await world.decide('unreachable'))[0]).toMatchObject({ action: 'alerted' })
  expect(await world.open(peerId)).toMatchObject([
    {
      reason: 'heartbeat_stale',
      severity: 'medium',
      fingerprint: `federation_peer_liveness:heartbeat_stale:${peerId}:never`,
    },
  ])
})

test('a certificate that ends is told of once, and closes when there is another', async () => {
  await world.heard([peerId])
  const ends = (days: number) => [{ certificate: 'leaf 07', notBefore: undefined, notAfter: at(days * 24 * HOUR) }]
  const peer = world.peers.get(peerId)!
  world.peers.set(peerId, { ...peer, certificates: ends(12) })
  await world.pass(MIN)
  expect(await world.open(peerId)).toMatchObject([{ reason: 'cert_expiring', certificate: 'leaf 07' }])
  expect(await world.diary(peerId)).toMatchObject([{ action: 'alerted', reason: 'cert_expiring' }])
  expect((await world.news()).filter((word) => word === 'cert_rotation_required')).toHaveLength(1)
  world.peers.set(peerId, { ...peer, certificates: ends(365) })
  await world.pass(TICK_MS, { changed: [peerId] })
  expect(await world.open(peerId)).toEqual([])
})

test('a peer that is suspended is not silent any more', async () => {
  await fallsSilent()
  expect(await world.open(peerId)).toHaveLength(1)
  world.move(peerId, 'suspended')
  await world.pass(TICK_MS, { changed: [peerId] })
  expect(await world.open(peerId)).toEqual([])
})
