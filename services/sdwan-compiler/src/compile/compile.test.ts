import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { World } from '../world.ts'
import { compile } from './compile.ts'
import { scenarios as routed } from './frr/testing/scenarios.ts'
import { scenarios } from './testing/scenarios.ts'
import { shown } from './testing/shown.ts'

const backwards = (world: World): World => ({
  ...world,
  networks: world.networks.toReversed(),
  members: world.members.toReversed(),
  rules: world.rules.toReversed(),
  portMappings: world.portMappings.toReversed(),
  virtualIps: world.virtualIps.toReversed(),
  routePolicies: world.routePolicies.toReversed(),
  routeLeaks: world.routeLeaks.toReversed(),
  vrfs: world.vrfs.toReversed(),
  ovn: world.ovn.toReversed(),
  crossings: world.crossings.toReversed(),
})

describe('what a world becomes', () => {
  test.each(Object.entries(scenarios))('%s', async (name, world) => {
    await expect(shown(compile(world))).toMatchFileSnapshot(
      join(import.meta.dirname, 'golden', `${name.replaceAll(/[ ,]+/g, '-')}.txt`),
    )
  })

  test('equal worlds give equal bytes, whatever the order of their records', () => {
    const differing = Object.entries({ ...routed, ...scenarios }).filter(([, world]) => {
      const [one, other] = [compile(world), compile(structuredClone(backwards(world)))]
      return JSON.stringify([...one.nodes]) !== JSON.stringify([...other.nodes])
    })
    expect(differing.map(([name]) => name)).toEqual([])
  })
})
