import { expect, test } from 'vitest'
import { steady, systemClock } from './clock.ts'
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

test('who was due while all stood still wakes late, once, in the order they were due', async () => {
  const clock = new FakeClock(new Date(0))
  const woken: [string, number][] = []
  const sleeper = async (name: string, ms: number) => {
    await clock.sleep(ms, never)
    woken.push([name, clock.now().getTime()])
  }
  const all = Promise.all([sleeper('late', 30), sleeper('early', 10)])
  void sleeper('never', 61_000)
  await clock.stall(60_000)
  await all
  expect(woken).toEqual([
    ['early', 60_000],
    ['late', 60_000],
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

test('a fake clock that is set wakes nobody, and only the wall has moved', async () => {
  const clock = new FakeClock(new Date(0))
  let awake = false
  const sleeper = clock.sleep(1_000, never).then(() => (awake = true))
  clock.jump(3_600_000)
  await clock.advance(999)
  expect([awake, clock.now().getTime(), clock.elapsed()]).toEqual([false, 3_600_999, 999])
  clock.jump(-7_200_000)
  await clock.advance(1)
  await sleeper
  expect([clock.now().getTime(), clock.elapsed()]).toEqual([-3_599_000, 1_000])
})

test('what has passed by the system clock never shrinks, and is about as long as a sleep', async () => {
  const before = systemClock.elapsed()
  await systemClock.sleep(20, never)
  const passed = systemClock.elapsed() - before
  expect(passed).toBeGreaterThan(15)
  expect(systemClock.elapsed()).toBeGreaterThanOrEqual(before + passed)
})

test('by a steady clock a plan falls due when it would have, however the wall clock is set meanwhile', async () => {
  const clock = new FakeClock(new Date(0))
  const planned = steady(clock)
  clock.jump(-3_600_000)
  await clock.advance(60_000)
  clock.jump(9_000_000)
  expect([planned.now(), planned.elapsed()]).toEqual([new Date(60_000), 60_000])
})
