import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { World } from '../world.ts'
import { compile } from './compile.ts'
import { crossingOf, hubOf, leakOf, memberId, memberOf, networkOf, nodeId, policyOf, statementOf, virtualIpOf, vrfOn, worldOf } from './frr/testing/worlds.ts' // prettier-ignore
import { cidr, deploymentOf, mappingOf, member, peer, ruleOf, tag, testOf } from './testing/intent.ts'

/** A world in which every kind of record has its place in some artifact. */
const world = worldOf({
  networks: [networkOf(1, { podSubnet: '10.42.0.0/16' }), networkOf(2, { isolation: 'dedicated_vrf', tenantKey: 'b' })],
  members: [
    hubOf(1, 1, { endpointV6: '2001:db8::1', routerIdOverride: '10.0.0.1' }),
    hubOf(1, 2, { endpointV4: 'hub.a.example' }),
    memberOf(1, 3, { tags: ['web'], lanSubnets: ['fd00:b3::/64'] }),
    memberOf(1, 4, { tags: ['db'] }),
    hubOf(2, 5),
  ],
  rules: [
    ruleOf(1, { src: tag('web'), dst: tag('db') }),
    ruleOf(2, { src: cidr('2001:db8::/32'), dst: member(1, 3) }),
    ruleOf(3, { src: peer(1) }),
  ],
  portMappings: [mappingOf(1, { sourceCidrs: ['2001:db8::/32'], rateLimit: 5, maxConnections: 5 })],
  virtualIps: [virtualIpOf(1, { holders: [memberId(1, 3)], med: 5, localPref: 50 })],
  routePolicies: [
    policyOf(1, {
      statements: [
        statementOf({
          prefixIn: [{ prefix: 'fd00::/16', ge: 48, le: 64 }],
          asPathRegex: '^65000_',
          communityIn: ['65000:1'],
          tagIn: [7],
          neighborIn: [memberId(1, 3)],
          setLocalPref: 50,
          setMed: 5,
          prependAsPath: 2,
          addCommunity: '65000:2',
        }),
      ],
    }),
  ],
  routeLeaks: [leakOf(1, { filter: [{ cidr: 'fd00:b3::/64', action: 'permit' }] })],
  vrfs: [vrfOn(5, 2)],
  crossings: [crossingOf(1, { pair: 'crossing/1' })],
  tests: [testOf(1, { accept: ['m4:tcp/443'], deny: ['tag:db:tcp/22'] })],
  ovn: [deploymentOf(1, { nodeId: nodeId(1) })],
})

type Path = readonly (string | number)[]

/** The way to every value of a kind in a tree. */
function pathsTo(value: unknown, kind: 'string' | 'number', path: Path = []): Path[] {
  if (typeof value === kind) return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => pathsTo(inner, kind, [...path, Array.isArray(value) ? Number(key) : key])) // prettier-ignore
}

/** The tree with another value at one place. */
function withValue(tree: unknown, [first, ...rest]: Path, value: unknown): unknown {
  if (first === undefined) return value
  if (Array.isArray(tree)) return tree.map((item, at) => (at === first ? withValue(item, rest, value) : item))
  const record = tree as Readonly<Record<string, unknown>>
  return { ...record, [first]: withValue(record[first], rest, value) }
}

/** Every text that nodes are sent. */
function textsOf(given: World): { readonly refused: boolean; readonly texts: readonly string[] } {
  const { nodes, problems } = compile(given)
  const plans = [...nodes.values()]
  const texts = plans.flatMap((plan) => pathsTo(plan, 'string').map((path) => String(path.reduce((at: unknown, key) => (at as Record<string | number, unknown>)[key], plan)))) // prettier-ignore
  return { refused: problems.some(({ fatal }) => fatal), texts }
}

const attacks = fc.constantFrom(
  'fd00::1 accept; drop',
  '"; flush ruleset #',
  '} delete table inet powernode_sdwan {',
  'web\n\t\taccept',
  '\r\nPrivateKey = AAAA',
  '\n[Peer]\nPublicKey = x',
  'x"\n!\nrouter bgp 1',
  '$(reboot)',
  '`id`',
  '-- --db=tcp:6.6.6.6:1',
  'ip4.src == 0/0 || 1',
  "'; drop table network; --",
  'ａｌｌ',
  '\u202eevil',
  '\u0000',
  'a b',
  '../../etc/passwd',
  '%eth0',
)
/** An attack alone, or behind and before what looks right. */
const hostile = fc.oneof(
  attacks,
  fc.tuple(fc.constantFrom('fd00::1', '10.0.0.0/8', 'web', '65000:1', memberId(1, 3), 'a'), attacks).map(([right, wrong]) => right + wrong), // prettier-ignore
  fc.tuple(attacks, fc.string({ unit: 'binary', maxLength: 12 })).map(([wrong, noise]) => wrong + noise),
)

describe('hostile values', () => {
  const texts = pathsTo(world, 'string')
  const numbers = pathsTo(world, 'number')

  test('the world that they are put into is compiled, and has what they are put in the place of', () => {
    const { refused, texts: sent } = textsOf(world)
    expect(refused).toBe(false)
    expect(texts.length).toBeGreaterThan(100)
    for (const word of ['_tag_web', 'hub.a.example', '65000:2', 'ls-tenant-a', 'crossing/1', '^65000_']) {
      expect(sent.some((text) => text.includes(word)), word).toBe(true) // prettier-ignore
    }
  })

  test('a thousand of them in the place of texts reach no artifact', () => {
    let refusals = 0
    fc.assert(
      fc.property(fc.constantFrom(...texts), hostile, (path, value) => {
        const { refused, texts: sent } = textsOf(withValue(world, path, value) as World)
        if (refused) refusals += 1
        expect(sent.filter((text) => text.includes(value))).toEqual([])
      }),
      { numRuns: 1_000 },
    )
    // The others are in places that are told to nobody: names of records, and what tests are about.
    expect(refusals).toBeGreaterThan(500)
  })

  test('what is no number where one belongs reaches no artifact', () => {
    const odd = fc.constantFrom<unknown>(Number.NaN, Infinity, -1, 1.5, 1e21, 2 ** 53, '1; accept', '443 accept', {}, [1, 2]) // prettier-ignore
    fc.assert(
      fc.property(fc.constantFrom(...numbers), odd, (path, value) => {
        const { texts: sent } = textsOf(withValue(world, path, value) as World)
        const wrong = /NaN|Infinity|1e\+?21|9007199254740992|1\.5(?!\d)|; accept|443 accept|null|\[object|[ :]-1\b/
        expect(sent.filter((text) => wrong.test(text.replaceAll(/accept-|[A-Za-z0-9+/]{43}=/g, '')))).toEqual([])
      }),
      { numRuns: 600 },
    )
  })
})
