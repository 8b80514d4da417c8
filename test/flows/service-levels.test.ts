import { until } from '@powernode/events/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, TestPlatform } from '../mesh.ts'
import { type, typeJson } from './operator-at-keyboard.ts'

type Level = {
  peer_id: string
  window: string
  coverage: number
  availability?: number
  heard?: number
  heard_by_them?: number
  beats_sent: number
  beats_answered: number
  loss?: number
  round_trip_p99?: string
  silences: number
  longest_silence?: string
}

const registry = { HEARTBEAT_INTERVAL: '1s', STALE_AFTER: '4s' }
/** After a stall nothing was watched: a busy machine may be late by some seconds, again and again. */
const env = { liveness: { TICK_INTERVAL: '10s' } }

let a: TestPlatform
let b: TestPlatform
let onA: string
beforeAll(async () => {
  ;[a, b] = await Promise.all([TestPlatform.start('a', { registry, env }), TestPlatform.start('b', { registry, env })])
  ;({ onA } = await federate(a, b))
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))

async function level(met: (level: Level) => boolean): Promise<Level> {
  let seen: Level | undefined
  await until(async () => {
    const { levels } = await typeJson<{ levels: [Level?] }>(a, `slo ${onA} --window 24h`)
    seen = levels[0]
    return seen !== undefined && met(seen)
  })
  if (!seen) throw new Error('no service level was told')
  return seen
}

test('while beats go both ways the peering is available, as far as anybody watched', async () => {
  const said = await level(({ beats_answered, coverage }) => beats_answered > 3 && coverage > 0)
  expect(said).toMatchObject({ peer_id: onA, window: '24h', heard_by_them: expect.any(Number), round_trip_p99: expect.stringMatching(/^\d+(\.\d+)?s$/) }) // prettier-ignore
  expect(said.availability).toBeGreaterThan(0.5)
  expect(said.coverage).toBeLessThan(0.1)
  expect((await type(a, 'slo')).out).toMatch(/PEER .*OVER .*AVAILABLE[\s\S]* 24h [\s\S]* 7d [\s\S]* 30d /)
})

test('a silence takes its share and is counted, and so are the beats that brought no answer', async () => {
  const { silences: before } = await level(() => true)
  await b.stop({ keep: true })
  const said = await level(({ silences, loss = 0 }) => silences > before && loss > 0)
  expect(said.availability).toBeLessThan(1)
  expect(Number.parseFloat(said.longest_silence ?? '0')).toBeGreaterThan(4)
})

test('what was counted outlives the process that counted it', async () => {
  const { beats_sent: sent } = await level(() => true)
  await a.restart('liveness', {})
  expect((await level(() => true)).beats_sent).toBeGreaterThanOrEqual(sent)
})
