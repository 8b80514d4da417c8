import { FakeClock } from '@powernode/clock/testing'
import { expect, test } from 'vitest'
import { Looks } from './looks.ts'

test('what came true is seen soon: within a twentieth of a second, or a tenth of what it took, and two seconds at most', async () => {
  const clock = new FakeClock()
  const looks = new Looks(clock)
  const latenessAfter = async (ms: number) => {
    await clock.advance(ms)
    const before = clock.now().getTime()
    let seen = false
    const waiting = looks.wait(AbortSignal.any([])).then(() => (seen = true))
    while (!seen) await clock.advance(10)
    await waiting
    return clock.now().getTime() - before
  }
  expect(await latenessAfter(0)).toBe(50)
  expect(await latenessAfter(1_950)).toBe(200)
  expect(await latenessAfter(3_600_000)).toBe(2_000)
})
