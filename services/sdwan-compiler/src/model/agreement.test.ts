import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile } from '../compile/compile.ts'
import { differences } from './testing/differences.ts'
import { platforms } from './testing/shapes.ts'
import { worldFrom } from './testing/worlds.ts'

test.each(['kernel', 'namespaces'] as const)(
  'what is compiled lets pass what intent means, and nothing else, with VRFs of %s',
  (vrfs) => {
    fc.assert(
      fc.property(platforms, (shape) => {
        const world = worldFrom(shape)
        expect(differences({ plan: compile(world), world }, vrfs)).toEqual([])
      }),
      { numRuns: 50, seed: vrfs === 'kernel' ? 6 : 7 },
    )
  },
)
