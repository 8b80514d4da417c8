import { expect, test } from 'vitest'
import { callHeaders, shortBearer } from './bearer.ts'
import { factsOf } from './problem.ts'
import { testEnvironment } from './testing/test-environment.ts'

const BEARER = `fg-019b76da-a800-7000-8000-000000000001.${'k'.repeat(43)}`
const OTHER = `fg-019b76da-a800-7000-8000-000000000002.${'m'.repeat(43)}`
const shown = (given: string | undefined, overrides = {}) =>
  callHeaders('peer-1', { grant: given }, testEnvironment(overrides)).headers.get('powernode-grant')

test('a bearer comes from stdin, from the environment, or from the line of somebody who insists', () => {
  expect(shown('-', { readInput: () => `${BEARER}\n` })).toBe(BEARER)
  expect(shown(undefined, { grant: BEARER })).toBe(BEARER)
  expect(shown(OTHER, { grant: BEARER })).toBe(OTHER)
  expect(shown(undefined)).toBeNull()
})

test('the peer to be called is named in every case, node and network when they are said', () => {
  const { headers } = callHeaders('peer-1', { node: 'i-1' }, testEnvironment())
  expect(Object.fromEntries(headers)).toEqual({ 'powernode-peer-id': 'peer-1', 'powernode-node-instance': 'i-1' })
})

test('what is no bearer is not sent, and not repeated: it may be another secret, pasted by mistake', () => {
  for (const given of ['hunter2', BEARER.slice(0, -1), `${BEARER} ${BEARER}`, '']) {
    const problem = (() => {
      try {
        return void shown(given)
      } catch (error) {
        return factsOf(error)
      }
    })()
    expect(problem).toMatchObject({ reason: 'USAGE', exitCode: 2 })
    if (given) expect(JSON.stringify(problem)).not.toContain(given)
  }
})

test('a bearer that is shown again says which grant it is of, and nothing of its secret', () => {
  expect(shortBearer(`… --grant ${BEARER}`)).toBe('… --grant fg-019b76da…')
})
