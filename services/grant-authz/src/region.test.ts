import { expectRefusal } from '@powernode/rpc/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkParent, liesIn, nearest, regionsFrom, requireRegion, type Region } from './region.ts'

const PLACES = regionsFrom([
  { name: 'eu', parent: undefined },
  { name: 'eu-west', parent: 'eu' },
  { name: 'eu-west-1', parent: 'eu-west' },
  { name: 'us', parent: undefined },
  { name: 'us-east-1', parent: 'us' },
])
const refused = (call: () => unknown) => expectRefusal((async () => call())(), 'REGION_UNKNOWN')

describe('a region that there is not is refused, with those it may have been meant to be', () => {
  test.each([
    ['eu-wset-1', 'eu-west-1'],
    ['EU', 'eu'],
    ['Eu-West-1', 'eu-west-1'],
    ['eu_west_1', 'eu-west-1'],
    ['eu-west-1 ', 'eu-west-1'],
    ['us-eats-1', 'us-east-1'],
  ])('%j: %s', async (said, meant) => {
    const { metadata, next } = await refused(() => requireRegion(PLACES, said))
    expect(metadata['nearest']?.split(',')[0]).toBe(meant)
    expect(next).toContain(meant)
  })

  test('and nothing where nothing is like it', async () => {
    const { metadata, next } = await refused(() => requireRegion(PLACES, 'jupiter'))
    expect([metadata['nearest'], next]).toEqual(['', 'fedctl residency region set jupiter makes it known'])
  })

  test.each(['', '__proto__', 'constructor', 'ｅｕ', 'eu\0'])('%j is none', async (said) => {
    await refused(() => requireRegion(PLACES, said))
  })
})

test('a region lies in itself and in all the larger ones, and in nothing else', () => {
  const inside = (name: string) => [...PLACES.keys()].filter((place) => liesIn(PLACES, name, place))
  expect(inside('eu-west-1')).toEqual(['eu', 'eu-west', 'eu-west-1'])
  expect(inside('eu')).toEqual(['eu'])
  expect(inside('EU')).toEqual([])
  expect(liesIn(PLACES, 'mars', 'mars')).toBe(false)
})

test.each([
  ['eu', 'eu', 'eu in eu'],
  ['eu', 'eu-west', 'eu in eu-west in eu'],
  ['eu', 'eu-west-1', 'eu in eu-west-1 in eu-west in eu'],
])('%s cannot lie in %s', async (name, parent, way) => {
  const refusal = await expectRefusal((async () => checkParent(PLACES, { name, parent }))(), 'REGION_CYCLE')
  expect(refusal.message).toContain(way)
})

test('a new region lies in one that there is', async () => {
  checkParent(PLACES, { name: 'eu-south', parent: 'eu' })
  checkParent(PLACES, { name: 'moon', parent: undefined })
  await refused(() => checkParent(PLACES, { name: 'eu-south', parent: 'EU' }))
})

test('whatever moves are allowed, one after another, no region ever lies in itself', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const move = fc.record({ name: fc.constantFrom(...names), parent: fc.constantFrom(undefined, ...names) })
  fc.assert(
    fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
      let all: readonly Region[] = names.map((name) => ({ name, parent: undefined }))
      for (const region of moves) {
        try {
          checkParent(regionsFrom(all), region)
        } catch {
          continue
        }
        all = all.map((known) => (known.name === region.name ? region : known))
      }
      const up = new Map(all.map(({ name, parent }) => [name, parent]))
      for (const name of names) {
        let steps = 0
        for (let at: string | undefined = name; at !== undefined; at = up.get(at)) steps += 1
        expect(steps).toBeLessThanOrEqual(names.length)
        if (steps > names.length) return
      }
    }),
  )
})

test('a suggestion is never far from what was said', () => {
  expect(nearest(['eu', 'us', 'ap'], 'xyz')).toEqual([])
  expect(nearest(['eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-west-4'], 'eu-west-5')).toHaveLength(3)
})
