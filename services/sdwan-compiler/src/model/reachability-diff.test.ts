import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile } from '../compile/compile.ts'
import type { World } from '../world.ts'
import { explain } from './explain.ts'
import { Model } from './model.ts'
import { reachabilityDiff } from './reachability-diff.ts'
import { platforms } from './testing/shapes.ts'
import { worldFrom } from './testing/worlds.ts'

const modelOf = (world: World, before?: Model): Model => new Model({ plan: compile(world), world }, { before })

/** One thing at a time that operators do. */
const CHANGES: readonly ((world: World) => World)[] = [
  (world) => ({ ...world, rules: world.rules.slice(1) }),
  (world) => ({ ...world, members: world.members.slice(0, -1) }),
  (world) => ({ ...world, networks: world.networks.map((each) => ({ ...each, defaultPolicy: 'drop' })) }),
  (world) => ({
    ...world,
    members: world.members.map((each, at) => (at === 1 ? { ...each, tags: ['web', 'ops'] } : each)),
  }),
  (world) => ({ ...world, rules: world.rules.map((each, at) => (at === 0 ? { ...each, dstPorts: undefined } : each)) }),
  (world) => ({
    ...world,
    members: world.members.map((each, at) => (at === 0 ? { ...each, publicKey: undefined } : each)),
  }),
]

const ASKED = [
  { protocol: 'tcp', port: 443 },
  { protocol: 'icmp6', port: 0 },
] as const

function reaches(model: Model, [src, dst]: readonly [string, string], service: (typeof ASKED)[number]): boolean {
  const answer = explain(model, { src, dst, ...service })
  return 'reachable' in answer && answer.reachable
}

test('every pair of members that gains or loses something is counted, and no other', () => {
  fc.assert(
    fc.property(platforms, fc.nat(CHANGES.length - 1), (shape, which) => {
      const world = worldFrom(shape)
      const before = modelOf(world)
      const after = modelOf(CHANGES[which]?.(world) ?? world, before)
      const diff = reachabilityDiff(before, after)
      const named = new Set([
        ...diff.gained.map(({ src, dst }) => `+ ${src} ${dst}`),
        ...diff.lost.map(({ src, dst }) => `- ${src} ${dst}`),
      ])
      const really = world.members.flatMap((src) =>
        world.members.flatMap((dst) =>
          ASKED.flatMap((service) => {
            if (src.nodeId === dst.nodeId) return []
            const pair = [src.address, dst.address] as const
            const [was, is] = [reaches(before, pair, service), reaches(after, pair, service)]
            return was === is ? [] : [`${is ? '+' : '-'} ${src.name} ${dst.name}`]
          }),
        ),
      )
      expect(diff.exact).toBe(true)
      expect([...new Set(really)].filter((pair) => !named.has(pair))).toEqual([])
      for (const change of diff.gained) expect(change.reason).not.toContain('does not reach')
    }),
    { numRuns: 60, seed: 6 },
  )
})

test('what changes nothing gains and loses nothing', () => {
  for (const shape of fc.sample(platforms, { numRuns: 10, seed: 1 })) {
    const world = worldFrom(shape)
    const before = modelOf(world)
    const diff = reachabilityDiff(before, modelOf({ ...world }, before))
    expect([diff.gainedTotal, diff.lostTotal]).toEqual([0, 0])
  }
})
