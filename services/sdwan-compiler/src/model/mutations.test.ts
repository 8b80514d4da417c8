import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile } from '../compile/compile.ts'
import { beside, contradicting, leaking } from './testing/contradicting.ts'
import { differences } from './testing/differences.ts'
import { MUTATIONS } from './testing/mutations.ts'
import { platforms } from './testing/shapes.ts'
import { worldFrom } from './testing/worlds.ts'

const SHAPES = [contradicting, beside, leaking('accept'), leaking('drop')]

const SAMPLE = [...SHAPES, ...fc.sample(platforms, { numRuns: 60, seed: 6 })].map((shape) => {
  const world = worldFrom(shape)
  return { world, plan: compile(world) }
})

// Worlds are asked until one shows it: of what shows seldom, some twenty.
test.each(MUTATIONS)('a compiler is caught of which is true: $name', ({ of }) => {
  const caught = SAMPLE.values()
    .map(({ world, plan }) => differences({ world, plan: of(plan) }))
    .find((found) => found.length > 0)
  expect(caught).toBeDefined()
})

test('a compiler that is not broken is let go', () => {
  for (const compiled of SAMPLE.slice(0, 20)) expect(differences(compiled)).toEqual([])
})
