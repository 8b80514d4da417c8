import { FakeClock } from '@powernode/clock/testing'
import { STATUS, type Reason } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { advised, fromCatalogue } from './advice.ts'
import { fedctl } from './fedctl.ts'
import { factsOf } from './problem.ts'
import { testEnvironment } from './testing/test-environment.ts'

const silent = (reason: string) => ({ reason, message: 'no', exitCode: 4 as const })

test('a refusal that does not say what to do is answered with what its page says', () => {
  const { next } = advised(silent('MOVE_NOT_ALLOWED'), undefined, 'fedctl peer resume')
  expect(next).toBe('fedctl peer show <peer> says what comes next.')
  for (const reason of Object.keys(STATUS) as Reason[]) expect(fromCatalogue(reason), reason).toMatch(/\S{2}/)
})

test('what said itself what to do is left as it is, and whoever said no is told nothing', () => {
  const said = { ...silent('MOVE_NOT_ALLOWED'), next: 'fedctl peer re-peer b' }
  expect(advised(said, undefined, 'fedctl peer resume')).toBe(said)
  expect(advised(silent('DECLINED'), undefined, 'fedctl peer revoke').next).toBeUndefined()
})

test('a machine that says no is no riddle', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  expect(advised(factsOf(full), full, 'fedctl audit export').next).toMatch(/^make room/)
  expect(advised(factsOf(new Error('odd')), new Error('odd'), 'fedctl status').next).toBe('fedctl doctor')
})

test('with -o json a mistyped line says how it is typed, as far as it was understood', async () => {
  for (const [line, next] of [
    ['peer shwo b', 'fedctl peer --help'],
    ['net member show', 'fedctl net member show --help'],
    ['--context a grant list --stauts active', 'fedctl grant list --help'],
    ['--frob', 'fedctl --help'],
  ] as const) {
    const env = testEnvironment()
    const argv = [...line.split(' '), '--json']
    const exit = await fedctl(argv, { env, clock: new FakeClock(), signal: new AbortController().signal })
    const { error } = JSON.parse(env.said.out) as { error: { next: string } }
    expect([exit, error.next.replace(' --context a', '')]).toEqual([2, next])
  }
})
