import { expect, test } from 'vitest'
import { compile } from '../compile/compile.ts'
import type { World } from '../world.ts'
import { explain } from './explain.ts'
import { Model } from './model.ts'
import { contradicting } from './testing/contradicting.ts'
import type { PlatformShape, Shape } from './testing/shapes.ts'
import { worldFrom } from './testing/worlds.ts'

const [PLAIN] = contradicting.networks

function platform(said: Partial<Shape>, others: Partial<PlatformShape> = {}, networks = 1): World {
  if (!PLAIN) throw new Error('a platform without a network')
  const shape: Shape = { ...PLAIN, rules: [], policy: 'accept', hubs: 1, spokes: 2, ...said }
  return worldFrom({ ...contradicting, networks: Array.from({ length: networks }, () => shape), ...others })
}

function told(world: World, src: string, dst: string, port = 443): string {
  const answer = explain(new Model({ plan: compile(world), world }), { src, dst, protocol: 'tcp', port })
  if ('unknown' in answer) return answer.unknown
  const hops = answer.hops.map(({ name, rules }) =>
    [name, ...rules.map((rule) => rule.ruleName).filter(Boolean)].join(' '),
  )
  return `${answer.reachable ? 'yes' : 'no'}: ${hops.join(' ▸ ')}`
}

test('every node on the way is named, with the rules that spoke there', () => {
  const world = worldFrom(contradicting)
  // The hub knows by name; to the spoke an accept for a tag is one for the network.
  expect(told(world, 'm0-3', 'm0-4')).toBe('yes: m0-3 ▸ m0-0 rule-3 ▸ m0-4 rule-1')
  expect(told(world, 'm0-3', 'nobody')).toContain('nobody is called nobody')
})

test('where it ends is said by the names of networks and rules, not by ids', () => {
  const world = platform({ policy: 'drop' })
  const answer = explain(new Model({ plan: compile(world), world }), { src: 'm0-0', dst: 'm0-1', protocol: 'tcp', port: 443 }) // prettier-ignore
  const slug = world.networks[0]?.slug ?? '?'
  expect(answer).toMatchObject({
    verdict: `m0-0 does not reach m0-1: the default of ${slug} refuses it where it leaves, at m0-0.`,
    hops: [{ rules: [{ ruleName: `default of ${slug}`, verdict: 'drop' }] }],
  })
})

test('what is sent to a mapped port goes on inside, and the answer comes from where it was sent to', () => {
  const world = platform({ mapping: true })
  expect(told(world, 'm0-1', 'm0-0', 8443)).toBe('yes: m0-1 ▸ m0-0 port 8443 ▸ m0-2')
  expect(told(world, 'm0-1', 'm0-0', 8444)).toBe('yes: m0-1 ▸ m0-0')
})

test('what leaks between two networks goes by the node that is in both, and back', () => {
  const routed = { routing: 'ibgp', isolation: 'dedicated_vrf' } as const
  const leaking = { bgp: true, sharedNode: true, leak: 'both ways' } as const
  expect(told(platform(routed, leaking, 2), 'm0-1', 'm1-2')).toBe('yes: m0-1 ▸ m0-0 ▸ m1-2')
  expect(told(platform(routed, { ...leaking, leak: 'none' }, 2), 'm0-1', 'm1-2')).toBe('no: m0-1')
})

test('a LAN behind a member and a peer beyond a crossing are places too', () => {
  const behind = platform({ members: PLAIN?.members.map((each) => ({ ...each, lan: true })) ?? [] })
  expect(told(behind, 'm0-1', 'fdcc:0:1:3::77')).toBe('yes: m0-1 ▸ m0-0 ▸ m0-2')
  const rules = [{ action: 'accept', direction: 'ingress', protocol: 'tcp', priority: 10, ports: 'none' }] as const
  const all = { kind: 'all', pick: 0 } as const
  const crossed = platform(
    { rules: rules.map((rule) => ({ ...rule, src: all, dst: all })) },
    { crossing: true, bgp: true },
  )
  expect(told(crossed, 'm0-1', 'fdbb:0:0:1::77')).toBe('yes: m0-1 ▸ m0-0 rule-0')
  expect(told(platform({}, { crossing: true, bgp: true }), 'm0-1', 'fdbb:0:0:1::77')).toMatch(
    /^no: m0-1 ▸ m0-0 border to /,
  )
})
