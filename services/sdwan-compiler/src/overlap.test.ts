import fc from 'fast-check'
import { cidrHolds, cidrsOverlap, enclosingCidr, inSomeCidr } from '@powernode/policy'
import { expect, test } from 'vitest'
import { advertisedOf, overlapsOf, routed, type Claim } from './overlap.ts'

/** Prefixes of a small space, so that they meet. */
const prefix = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }), fc.constantFrom(32, 40, 48, 56, 64))
  .map(([one, two, bits]) => enclosingCidr(`fd0${one}:${two}00:${two}:${one}::/${bits}`) ?? '')
const gateway = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })).map(([one, two]) => ({
  publicKey: `${one}${two}`,
  endpoint: undefined,
  address: `fd0${one}:${two}00:${two}:${one}::7`,
  asNumber: 1,
}))
const claim = (peerId: string): fc.Arbitrary<Claim> =>
  fc.record({
    peerId: fc.constant(peerId),
    description: fc.oneof(prefix, fc.constant('')),
    advertised: fc.array(prefix, { maxLength: 4 }),
    gateways: fc.array(gateway, { maxLength: 2 }),
    accept: fc.array(prefix, { maxLength: 4 }),
  })
const claims = fc.tuple(claim('x'), claim('y'), claim('z'))
const ours = fc.array(
  prefix.map((one) => ({ prefix: one, by: 'install' })),
  { maxLength: 3 },
)

test('nothing is routed that a peer did not advertise, we did not accept, or its description does not have', () => {
  fc.assert(
    fc.property(claims, ours, (said, taken) => {
      routed(said, taken).forEach(({ accepted, gateways }, index) => {
        const { advertised, accept, description } = said[index] ?? said[0]
        for (const one of accepted) {
          expect(advertised.some((outer) => cidrHolds(outer, one))).toBe(true)
          expect(accept.some((outer) => cidrHolds(outer, one))).toBe(true)
          expect(cidrHolds(description, one)).toBe(true)
        }
        for (const { address } of gateways) expect(inSomeCidr([description], address)).toBe(true)
      })
    }),
    { numRuns: 2_000 },
  )
})

test('nothing is routed that is ours, and no address to two peers', () => {
  fc.assert(
    fc.property(claims, ours, (said, taken) => {
      const roads = routed(said, taken)
      const held = roads.map(({ accepted, gateways }) => [
        ...accepted,
        ...gateways.map(({ address }) => `${address}/128`),
      ])
      for (const one of held.flat()) expect(overlapsOf([one], taken)).toEqual([])
      for (const [index, mine] of held.entries())
        for (const other of held.slice(index + 1).flat())
          expect(mine.some((one) => cidrsOverlap(one, other))).toBe(false)
    }),
    { numRuns: 2_000 },
  )
})

test('what is refused of an offer is exactly what may not be routed, whatever was accepted', () => {
  fc.assert(
    fc.property(claims, ours, ([first], taken) => {
      const [road] = routed([first], taken)
      const isFree = (one: string) =>
        first.description !== '' && cidrHolds(first.description, one) && overlapsOf([one], taken).length === 0
      expect(road?.refused).toEqual(first.advertised.filter((one) => !isFree(one)))
    }),
  )
})

test.each([
  [['fd02::/48'], ['fd02:0:0:1::/64'], ['fd02:0:0:1::/64']],
  [['fd02:0:0:1::/64'], ['fd02::/48'], ['fd02:0:0:1::/64']],
  [['fd02:0:0:1::/64', 'fd02::/48'], ['fd02::/48'], ['fd02::/48']],
  [['fd02::/48'], [], []],
  [['fd02::/48'], ['fd03::/48'], []],
])('of %j, with %j accepted, %j is routed', (advertised, accept, accepted) => {
  const [road] = routed([{ peerId: 'x', description: 'fd02::/48', advertised, gateways: [], accept }], [])
  expect(road?.accepted).toEqual(accepted)
})

test('what we advertise always holds the ends of the tunnel', () => {
  expect(advertisedOf([], 'fd01:0:1:1::/64', ['fd01:0:1:1::1'])).toEqual(['fd01:0:1:1::/64'])
  expect(advertisedOf(['fd01:0:1:2::/64'], 'fd01:0:1:1::/64', ['fd01:0:1:1::1'])).toEqual([
    'fd01:0:1:1::1/128',
    'fd01:0:1:2::/64',
  ])
})
