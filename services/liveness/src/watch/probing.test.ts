import { FakeClock } from '@powernode/clock/testing'
import { expect, test } from 'vitest'
import type { ToProbe } from '../operations/decide-signals.ts'
import { Probing } from './probing.ts'

const crowd = (name: string, count: number): readonly ToProbe[] =>
  Array.from({ length: count }, (_, at) => ({
    signalId: `signal of ${name}${at}`,
    peerId: `${name}${at}`,
    reason: 'heartbeat_stale' as const,
  }))

/** Probes that take as long as the test says: whoever is under way, in the order in which they began. */
function open() {
  const clock = new FakeClock(new Date('2026-05-01T12:00:00Z'))
  const underway = new Map<string, () => void>()
  const stop = new AbortController()
  const probe = ({ peerId }: ToProbe) => new Promise<void>((resolve) => void underway.set(peerId, resolve))
  const probing = new Probing({ clock, probe, signal: stop.signal })
  const names = () => [...underway.keys()].map((peerId) => peerId.replace(/\d+$/, ''))
  async function end(peerIds: readonly string[] = [...underway.keys()]): Promise<void> {
    for (const peerId of peerIds) {
      underway.get(peerId)?.()
      underway.delete(peerId)
    }
    await new Promise(setImmediate)
  }
  return { clock, underway, stop, probing, names, end }
}

test('so many are probed at once, and whoever waits comes when one has ended', async () => {
  const { probing, underway, end } = open()
  probing.add(crowd('a', 40))
  expect([underway.size, probing.busy.size]).toEqual([32, 40])
  await end(['a0', 'a1'])
  expect([underway.size, probing.busy.size, underway.has('a33')]).toEqual([32, 38, true])
  await end()
  await end()
  expect(probing.busy.size).toBe(0)
  await probing.drain()
})

test('who let us wait last time comes after all others, and never has all places', async () => {
  const { probing, clock, underway, names, end } = open()
  const tarpits = crowd('tarpit', 500)
  probing.add(tarpits)
  for (let round = 0; round < 16; round += 1) {
    await clock.advance(15_000)
    await end()
  }
  expect(probing.busy.size).toBe(0)

  probing.add(tarpits)
  expect(underway.size, 'a crowd that is known to be slow').toBe(24)
  probing.add(crowd('quick', 10))
  expect(
    names().filter((name) => name === 'quick'),
    'finds others a place',
  ).toHaveLength(8)
  await end(['quick0', 'quick1'])
  expect(names().filter((name) => name === 'quick')).toHaveLength(8)
  await end(['tarpit0'])
  expect(
    names().filter((name) => name === 'tarpit'),
    'and goes on when nobody else waits',
  ).toHaveLength(24)
  await end(['quick2'])
  probing.add(crowd('tarpit', 1))
  expect(underway.has('tarpit0'), 'one that answered at once is slow no more').toBe(true)
})

test('whoever is told to stop begins no more, and ends what is under way', async () => {
  const { probing, underway, stop, end } = open()
  probing.add(crowd('a', 40))
  stop.abort()
  let drained = false
  const draining = probing.drain().then(() => (drained = true))
  await end([...underway.keys()].slice(1))
  expect([drained, underway.size]).toEqual([false, 1])
  await end()
  await draining
  expect(underway.size).toBe(0)
})
