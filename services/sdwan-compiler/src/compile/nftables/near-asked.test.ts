import { readBlock } from '@powernode/policy'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memberOf } from '../frr/testing/worlds.ts'
import { NearAsked } from './near-asked.ts'
import { blocksOf, concerns, type NearRule } from './near.ts'

const LANS = ['fd00:a::/64', 'fd00:b::/64', '10.1.0.0/16']
const rule: fc.Arbitrary<NearRule> = fc
  .oneof(
    fc.record({ kind: fc.constant('all' as const), is: fc.constant('') }),
    fc.record({ kind: fc.constant('member' as const), is: fc.nat(5).map((n) => memberOf(1, n).id) }),
    fc.record({ kind: fc.constant('tag' as const), is: fc.constantFrom('web', 'db', 'a', 'b') }),
    fc.record({ kind: fc.constant('cidr' as const), is: fc.constantFrom(...LANS, 'fd10::/16', '::/0', '10.0.0.0/8') }),
  )
  .map((said) => ({ ...said, block: said.kind === 'cidr' ? readBlock(said.is) : undefined, line: '' }))
const spoke = fc
  .tuple(fc.nat(5), fc.subarray(['web', 'db', 'a', 'b']), fc.subarray(LANS))
  .map(([n, tags, lanSubnets]) => memberOf(1, n, { tags, lanSubnets }))

test('whoever was asked before, a spoke keeps what concerns it and nothing else', () => {
  const near = fc.record({ leave: fc.array(rule, { maxLength: 6 }), arrive: fc.array(rule, { maxLength: 6 }) })
  fc.assert(
    fc.property(near, fc.array(spoke, { minLength: 1, maxLength: 12 }), (rules, spokes) => {
      const asked = new NearAsked(rules)
      for (const member of spokes) {
        const has = blocksOf(member, member.lanSubnets)
        const bits = (some: readonly NearRule[]) => some.map((one) => Number(concerns(one, member, has))).join('')
        expect(asked.by(member, member.lanSubnets)).toEqual({ leave: bits(rules.leave), arrive: bits(rules.arrive) })
      }
    }),
    { numRuns: 500 },
  )
})
