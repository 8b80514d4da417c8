import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { afterEach, expect, test } from 'vitest'
import { Turns, type Work } from './turns.ts'

const stopping: AbortController[] = []
const running: Promise<void>[] = []
afterEach(async () => {
  for (const stop of stopping.splice(0)) stop.abort()
  await Promise.all(running.splice(0))
})

function start(work: Work, atOnce = 2, passes?: (error: unknown) => boolean) {
  const clock = new FakeClock()
  const turns = new Turns({ clock, work, atOnce, ...(passes && { passes }) })
  const stop = new AbortController()
  stopping.push(stop)
  running.push(turns.run(stop.signal))
  return { clock, turns }
}

test('a burst for one key costs one more turn than the one that runs, however long it is', async () => {
  let open = Promise.withResolvers<void>()
  let done = 0
  const { turns } = start(async () => {
    await open.promise
    done += 1
  })
  for (let n = 0; n < 100; n++) turns.ring('log')
  open.resolve()
  await until(() => done === 2)
  open = Promise.withResolvers()
  turns.ring('log')
  open.resolve()
  await until(() => done === 3)
})

test('no more run at once than may, none twice at once, and all have their turn', async () => {
  let most = 0
  const now = new Set<string>()
  const seen = new Set<string>()
  const { turns } = start(async (key) => {
    if (now.has(key)) throw new Error('twice at once')
    now.add(key)
    most = Math.max(most, now.size)
    await Promise.resolve()
    now.delete(key)
    seen.add(key)
  }, 3)
  for (let n = 0; n < 50; n++) turns.ring(`log ${n}`)
  await until(() => seen.size === 50)
  expect(most).toBe(3)
})

test('what fails rests, holds up nobody, and is woken when its reason is over', async () => {
  let broken = true
  const done: string[] = []
  const { turns, clock } = start(async (key) => {
    if (key === 'bad' && broken) throw new Error('no')
    done.push(key)
  }, 1)
  turns.ring('bad')
  turns.ring('good')
  await until(() => done.includes('good'))
  await clock.sleeping(1)
  turns.ring('bad')
  broken = false
  turns.ring('bad', { anew: true })
  await until(() => done.includes('bad'))
})

test('what goes on failing is tried less and less often', async () => {
  const tried: number[] = []
  const { turns, clock } = start(async () => {
    tried.push(clock.now().getTime())
    throw new Error('no')
  })
  turns.ring('bad')
  await until(async () => {
    await clock.sleeping(1)
    await clock.advance(10_000)
    return tried.length >= 12
  })
  const gaps = tried.slice(1).map((at, n) => at - tried[n]!)
  expect(Math.max(...gaps.slice(0, 3))).toBeLessThan(2_000)
  expect(Math.min(...gaps.slice(-2))).toBeGreaterThanOrEqual(30_000)
})

test('what passes in a moment is tried again in a moment, however long it was away before', async () => {
  const tried: { at: number; away: boolean }[] = []
  const { turns, clock } = start(
    async () => {
      const away = tried.length < 10
      tried.push({ at: clock.now().getTime(), away })
      throw new Error(away ? 'nobody there' : 'just started')
    },
    2,
    (error) => error instanceof Error && error.message === 'just started',
  )
  turns.ring('child')
  await until(async () => {
    await clock.sleeping(1)
    await clock.advance(1_000)
    return tried.length >= 14
  })
  const since = tried.filter(({ away }) => !away).map(({ at }) => at)
  const gaps = since.slice(1).map((at, n) => at - since[n]!)
  expect(gaps.slice(0, 3).map((gap, n) => gap <= 100 * 2 ** n)).toEqual([true, true, true])
})
