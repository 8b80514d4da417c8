import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import { counting, timing } from './series.ts'

const NAMES = ['rpc', 'outcome'] as const
const word = fc.constantFrom('a', 'b', 'ok', '', 'a,outcome:b')

function both() {
  const [ours, theirs] = [createMetrics('x'), createMetrics('x')]
  const calls = (metrics: typeof ours) => metrics.counter('calls_total', 'calls', NAMES)
  const took = (metrics: typeof ours) => metrics.histogram('took_seconds', 'how long', ['rpc'])
  return { ours, theirs, calls, took }
}

test('what is counted and timed by series reads as if prom-client had been told each time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(word, word, fc.double({ min: 0, max: 40, noNaN: true }))), async (told) => {
      const { ours, theirs, calls, took } = both()
      const [counted, timed] = [calls(theirs), took(theirs)]
      const [count, time] = [counting(calls(ours), NAMES), timing(took(ours), ['rpc'])]
      for (const [rpc, outcome, seconds] of told) {
        count(rpc, outcome)
        time(seconds, rpc)
        counted.inc({ rpc, outcome })
        timed.observe({ rpc }, seconds)
      }
      expect(await ours.registry.metrics()).toBe(await theirs.registry.metrics())
    }),
  )
})

test('two who count by one metric, and whoever counts by prom-client itself, count into one series', async () => {
  const { ours, calls, took } = both()
  calls(ours).inc({ rpc: 'a', outcome: 'ok' })
  const [one, other] = [counting(calls(ours), NAMES), counting(calls(ours), NAMES)]
  for (const count of [one, other, one, other]) count('a', 'ok')
  calls(ours).inc({ rpc: 'a', outcome: 'ok' })
  expect(await ours.registry.metrics()).toContain('calls_total{rpc="a",outcome="ok",service="x"} 6')
  const time = timing(took(ours), ['rpc'])
  time(1, 'a')
  expect(() => time(Number.NaN, 'a')).toThrow('not a valid number')
})
