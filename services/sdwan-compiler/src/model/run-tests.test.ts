import { expect, test } from 'vitest'
import { compile } from '../compile/compile.ts'
import type { ReachabilityTest } from '../world.ts'
import { Model } from './model.ts'
import { nodeTests } from './node-tests.ts'
import { runTests } from './run-tests.ts'
import { contradicting } from './testing/contradicting.ts'
import { worldFrom } from './testing/worlds.ts'

/** m0-0, m0-2 and m0-4 are web, the others db: web reaches all but by icmp6, others by tcp alone. */
const WORLD = worldFrom(contradicting)
const model = new Model({ plan: compile(WORLD), world: WORLD })

function failureOf(said: Partial<ReachabilityTest>): string | undefined {
  const test: ReachabilityTest = { id: 'test', name: 'test', src: 'm0-3', accept: [], deny: [], ...said }
  return runTests(model, [test])[0]?.failure
}

test('a test passes when everything is as it says', () => {
  expect(failureOf({ accept: ['m0-4:tcp/443', 'tag:db:tcp/22'], deny: ['m0-4:udp/53', '[fdaa:0:0:1::5]:icmp6'] })).toBe(
    '',
  )
  expect(failureOf({ src: 'tag:web', accept: ['tag:db:udp/53'], deny: ['tag:db:icmp6'] })).toBe('')
})

test('a test fails with the first that is not so, and why', () => {
  expect(failureOf({ accept: ['m0-4:udp/53'] })).toMatch(
    /^m0-4:udp\/53 should be accepted: m0-3 does not reach m0-4: .*at m0-/,
  )
  expect(failureOf({ deny: ['m0-4:tcp/1'] })).toMatch(
    /^m0-4:tcp\/1 should be denied: m0-3 reaches m0-4 by rule rule-\d/,
  )
})

test.each([
  [{ src: 'nobody' }, 'nobody is called nobody'],
  [{ src: 'tag:none', accept: ['m0-1:tcp/1'] }, 'nobody bears the tag none'],
  [{ accept: ['m0-1:tcp/99999'] }, 'not of the form'],
  [{ deny: ['m0-1'] }, 'not of the form'],
])('a test that cannot be tried fails: %j', (said, failure) => {
  expect(failureOf(said)).toContain(failure)
})

test('a node tries what begins at itself', () => {
  const tests = [{ id: 'one', name: 'one', src: 'm0-3', accept: ['tag:db:tcp/22'], deny: ['m0-4:icmp6'] }]
  const found = nodeTests({ ...WORLD, tests })
  const nodeId = WORLD.members[3]?.nodeId ?? ''
  expect([...found.keys()]).toEqual([nodeId])
  expect(
    found.get(nodeId)?.map(({ address, protocol, port, expected }) => `${address} ${protocol}/${port} ${expected}`),
  ).toEqual(['fdaa:0:0:1::2 tcp/22 true', 'fdaa:0:0:1::5 icmp6/0 false'])
})
