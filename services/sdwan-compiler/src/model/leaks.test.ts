import { describe, expect, test } from 'vitest'
import { compile } from '../compile/compile.ts'
import { hubOf, leakOf, memberId, memberOf, networkOf, virtualIpOf, vrfOn, worldOf } from '../compile/frr/testing/worlds.ts' // prettier-ignore
import type { Member, RouteLeak, World } from '../world.ts'
import { explain } from './explain.ts'
import { Model, type Circumstances } from './model.ts'

const [A_LAN, B_LAN] = ['fd00:a3::/64', 'fd00:b1::/64']

/** `a-…` in network 1, `b-…` in network 2. Nodes 1 and 3 are in both: a hub of both, and a spoke of both. */
function world(leak: Partial<RouteLeak> | undefined, { main = false, without = [] as readonly string[] } = {}): World {
  const both = (n: number, said: readonly [Partial<Member>, Partial<Member>], of: typeof hubOf): readonly Member[] =>
    said.map((its, at) => of(at + 1, n, { name: `${at === 0 ? 'a' : 'b'}-${n}`, listenPort: 51_820 + at, endpointPort: 51_820 + at, ...its })) // prettier-ignore
  const members = [
    ...both(1, [{}, { lanSubnets: [B_LAN] }], hubOf),
    ...both(3, [{ lanSubnets: [A_LAN] }, { publicKey: Buffer.alloc(32, 103).toString('base64') }], memberOf),
    memberOf(1, 4, { name: 'a-4' }),
    memberOf(2, 5, { name: 'b-5' }),
    hubOf(2, 6, { name: 'b-6' }),
  ].map((each, at) => ({ ...each, publicKey: Buffer.alloc(32, at + 1).toString('base64') }))
  return worldOf({
    networks: [
      networkOf(1, { isolation: main ? 'shared' : 'dedicated_vrf', defaultPolicy: 'accept' }),
      networkOf(2, { isolation: 'dedicated_vrf', defaultPolicy: 'accept' }),
    ],
    members: members.filter(({ name }) => !without.includes(name)),
    virtualIps: [virtualIpOf(1, { holders: [memberId(1, 1)] })],
    vrfs: [1, 3, 4, 5, 6].flatMap((node) => [vrfOn(node, 1), vrfOn(node, 2)]),
    routeLeaks: leak ? [leakOf(1, { bidirectional: true, ...leak })] : [],
  })
}

function said(its: World, [src, dst]: readonly [string, string], circumstances: Circumstances = {}): string {
  const answer = explain(new Model({ plan: compile(its), world: its }, circumstances), { src, dst, protocol: 'tcp', port: 443 }) // prettier-ignore
  if ('unknown' in answer) return answer.unknown
  return `${answer.reachable ? 'yes' : 'no'}: ${answer.hops.map(({ name }) => name).join(' ▸ ')}`
}

describe('routes that leak between two tables', () => {
  const open = world({})

  test.each([
    ['b-5', 'a-4', 'yes: b-5 ▸ a-1 ▸ a-4'],
    ['a-4', 'b-5', 'yes: a-4 ▸ a-1 ▸ b-5'],
    ['b-5', 'fd00:a3::9', 'yes: b-5 ▸ a-1 ▸ a-3'],
    ['a-4', 'fd00:b1::9', 'yes: a-4 ▸ a-1 ▸ a-1'],
  ])('%s ▸ %s: everybody in one reaches everybody in the other', (src, dst, way) => {
    expect(said(open, [src, dst])).toBe(way)
  })

  test('the route from table to table says by which leak', () => {
    const answer = explain(new Model({ plan: compile(open), world: open }), { src: 'b-5', dst: 'a-4', protocol: 'tcp', port: 443 }) // prettier-ignore
    const sources = 'hops' in answer ? answer.hops.map(({ routeSource }) => routeSource) : []
    expect(sources).toContain(`leak:${open.routeLeaks[0]?.id}`)
  })

  // A node is called by the first of its members, and passed twice where the packet goes from table to table.
  test('by the hub that is in both; a spoke that is in both goes by it too', () => {
    expect(said(open, ['b-3', 'a-4'])).toBe('yes: a-3 ▸ a-1 ▸ a-4')
    expect(said(open, ['b-5', 'a-3'])).toMatch(/^yes: .*[ab]-1 ▸ a-3/)
  })

  test('the node that carries is reached itself, and what it holds, and what lies behind it', () => {
    for (const pair of [
      ['b-5', 'a-1'],
      ['b-5', 'fd10:0:0:1::f1'],
      ['a-4', 'b-1'],
      ['a-4', 'fd00:b1::9'],
    ] as const)
      expect(said(open, pair)).toMatch(/^yes/)
  })

  test('the next one carries where the first is gone', () => {
    const { members, vrfs, ...rest } = world({}, { without: ['a-1', 'b-1'] })
    const hub = hubOf(1, 7, { name: 'a-7', publicKey: Buffer.alloc(32, 77).toString('base64') })
    const its = { ...rest, members: [...members, hub], vrfs: [...vrfs, vrfOn(7, 1)] }
    expect(said(its, ['b-5', 'a-4'])).toBe('yes: b-5 ▸ b-6 ▸ a-3 ▸ a-7 ▸ a-4')
  })

  test('one way alone answers nothing, and a leak that is not there is none', () => {
    expect(said(world({ bidirectional: false }), ['b-5', 'a-4'])).toMatch(/^no/)
    expect(said(world(undefined), ['b-5', 'a-4'])).toMatch(/^no/)
  })

  test('what a filter denies does not go along with what it permits around it', () => {
    const filter: RouteLeak['filter'] = [
      { cidr: 'fd10::/16', action: 'permit' },
      { cidr: 'fd10:0:0:1::4/128', action: 'deny' },
      { cidr: 'fd10:0:0:1::1/128', action: 'deny' },
    ]
    const narrow = world({ filter })
    expect(said(narrow, ['b-5', 'a-3'])).toMatch(/^yes/)
    for (const dst of ['a-4', 'a-1', 'fd00:a3::9']) expect(said(narrow, ['b-5', dst])).toMatch(/^no/)
  })

  test('from a table of its own the main table is reached beyond the tunnel; what the node has there itself is not', () => {
    const main = world({}, { main: true })
    expect(said(main, ['b-5', 'a-4'])).toMatch(/^yes/)
    expect(said(main, ['a-4', 'b-5'])).toMatch(/^yes/)
    expect(said(main, ['a-4', 'b-1'])).toMatch(/^yes/)
    expect(said(main, ['b-5', 'a-1'])).toMatch(/^no/)
  })

  test('both networks’ rules are asked, on the node that carries and between two of its own tables', () => {
    const its = world({})
    const closed = {
      ...its,
      networks: its.networks.map((each, at) => (at === 0 ? { ...each, defaultPolicy: 'drop' as const } : each)),
    }
    const pairs = [
      ['a-4', 'b-5'],
      ['a-1', 'b-5'],
      ['a-1', 'b-1'],
      ['a-3', 'b-3'],
      ['b-3', 'a-3'],
      ['a-3', 'fd00:b1::9'],
    ] as const
    for (const pair of pairs) {
      expect(said(its, pair)).toMatch(/^yes/)
      expect(said(closed, pair)).toMatch(/^no/)
    }
  })

  test('nothing goes from namespace to namespace', () => {
    expect(said(open, ['b-5', 'a-4'], { vrfs: 'namespaces' })).toMatch(/^no/)
  })
})
