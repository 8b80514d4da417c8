import { expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import { FakeClock } from './fake-clock.ts'

const never = new AbortController().signal

test('a loop that sleeps ten seconds runs six times in a minute', async () => {
  const clock = new FakeClock(new Date(0))
  const stop = new AbortController()
  const ranAt: number[] = []
  const loop = (async () => {
    while (!stop.signal.aborted) {
      ranAt.push(clock.now().getTime())
      await clock.sleep(10_000, stop.signal)
    }
  })()
  await clock.advance(59_999)
  expect(ranAt).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000])
  stop.abort()
  await loop
})

test('sleepers wake in the order they are due, each at its own moment', async () => {
  const clock = new FakeClock(new Date(0))
  const woken: [string, number][] = []
  const sleeper = async (name: string, ms: number) => {
    await clock.sleep(ms, never)
    woken.push([name, clock.now().getTime()])
  }
  const all = Promise.all([sleeper('late', 30), sleeper('early', 10), sleeper('middle', 20)])
  await clock.advance(30)
  await all
  expect(woken).toEqual([
    ['early', 10],
    ['middle', 20],
    ['late', 30],
  ])
})

test('nobody wakes a millisecond too soon', async () => {
  const clock = new FakeClock()
  let awake = false
  const sleeper = clock.sleep(100, never).then(() => (awake = true))
  await clock.advance(99)
  expect(awake).toBe(false)
  await clock.advance(1)
  await sleeper
})

test.each([
  ['the system clock', systemClock],
  ['the fake clock', new FakeClock()],
])('%s ends a sleep of two months when the signal aborts, before and during', async (_, clock) => {
  const stop = new AbortController()
  const sleeping = clock.sleep(60 * 86_400_000, stop.signal)
  stop.abort()
  await expect(sleeping).resolves.toBeUndefined()
  await expect(clock.sleep(60 * 86_400_000, stop.signal)).resolves.toBeUndefined()
})

test('a test can wait until somebody sleeps', async () => {
  const clock = new FakeClock()
  const reached = clock.sleeping(2)
  const both = Promise.all([clock.sleep(1, never), clock.sleep(1, never)])
  await expect(reached).resolves.toBeUndefined()
  await clock.advance(1)
  await both
})
