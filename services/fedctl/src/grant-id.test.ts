import { expect, test } from 'vitest'
import { grantIdOf } from './grant-id.ts'
import { factsOf } from './problem.ts'

const ID = '019b76da-a800-7000-8000-000000000001'

test('a grant is named by its id', () => {
  expect(grantIdOf(ID)).toBe(ID)
  expect(() => grantIdOf('ntp')).toThrow('no id of a grant')
})

test('a bearer typed in place of the id is refused, and its secret is not repeated', () => {
  const secret = 's'.repeat(43)
  try {
    grantIdOf(`fg-${ID}.${secret}`)
    expect.unreachable()
  } catch (error) {
    expect(factsOf(error)).toMatchObject({ reason: 'USAGE', exitCode: 2 })
    expect(JSON.stringify(factsOf(error))).not.toContain(secret)
  }
})
