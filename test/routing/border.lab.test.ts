import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { Lab } from '../lab/lab.ts'
import { labSkip } from '../lab/requirements.ts'
import type { Crossing, World } from '../../services/sdwan-compiler/src/world.ts'
import { fileOf, startAll, type Router } from './routers.ts'
import { crossingOf, hubOf, memberId, memberOf, networkOf, nodeId, peerId, policyOf, statementOf, withBgp, worldOf } from '../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts' // prettier-ignore

const A = { as: 4_200_000_010, cidr: 'fd10:0:0:1::/64' }
const B = { as: 4_200_000_021, cidr: 'fd20:0:0:1::/64' }

/** Platform A: a hub that is the gateway, and a spoke. */
const ours = (said: Partial<Crossing> = {}, more: Partial<World> = {}): World =>
  worldOf({
    members: [hubOf(1, 1), memberOf(1, 3, { lanSubnets: ['fd00:b3::/64'] })],
    crossings: [crossingOf(1, { accepted: [B.cidr], advertised: [A.cidr], ...said })],
    ...more,
  })

/** Platform B, which sees A as its peer: other numbers, other ids, the same code. */
const theirs = (more: Partial<World> = {}, said: Partial<Crossing> = {}): World => {
  const address = (n: number) => ({ address: `fd20:0:0:1::${n}` })
  const world = worldOf({
    networks: [networkOf(1, { cidr: B.cidr })],
    members: [hubOf(1, 11, address(1)), memberOf(1, 13, { ...address(3), lanSubnets: ['fd00:c3::/64'] })],
    crossings: [
      crossingOf(2, {
        gateways: [{ memberId: memberId(1, 11), listenPort: 51_900, publicKey: undefined }],
        remote: [{ publicKey: '', endpoint: undefined, address: 'fd10:0:0:1::1', asNumber: A.as }],
        accepted: [A.cidr],
        advertised: [B.cidr],
        ...said,
      }),
    ],
    ...more,
  })
  return withBgp(world, { asNumber: B.as })
}

const established = (router: Router, neighbor: string) => async (): Promise<boolean> => {
  const seen = (await router.frr.json('show bgp ipv6 unicast summary json')) as {
    readonly peers?: Readonly<Record<string, { readonly state: string }>>
  }
  return seen.peers?.[neighbor]?.state === 'Established'
}

describe.skipIf(labSkip(['zebra', 'bgpd', 'vtysh', 'frr-reload.py']))('routers of two platforms', () => {
  test('what one advertises and the other accepts crosses, without a word of the other’s, and ends with the crossing', async () => {
    const policies = [
      policyOf(1, { direction: 'export', statements: [statementOf({ prependAsPath: 2, addCommunity: '65000:1' })] }),
      policyOf(2, { statements: [statementOf({ neighborIn: [peerId(1)], setMed: 55 }), statementOf()] }),
    ]
    await using lab = await Lab.open()
    const a = await startAll(lab, ours({}, { routePolicies: policies }), { a: 1, a3: 3 })
    const b = await startAll(lab, theirs(), { b: 11, b3: 13 })

    // B hears of A's network, its AS path lengthened by A's policy, no community; nothing of what is inside.
    const heard = await b.b3.untilBest(A.cidr)
    expect(heard).toMatchObject({ aspath: { string: `${A.as} ${A.as} ${A.as}` }, nexthops: [{ ip: 'fd20:0:0:1::1' }] })
    expect((await b.b.best(A.cidr))?.community).toBeUndefined()
    expect((await b.b.best(A.cidr))?.largeCommunity?.string).not.toContain(`${A.as}:`)
    expect(await b.b.best('fd00:b3::/64')).toBeUndefined()
    // A's spoke hears of B's by A's gateway, and A's policy knows whom it is from.
    expect(await a.a3.untilBest(B.cidr)).toMatchObject({ aspath: { string: String(B.as) }, metric: 55, nexthops: [{ ip: 'fd10:0:0:1::1' }] }) // prettier-ignore
    expect(await a.a.best('fd00:c3::/64')).toBeUndefined()

    // B announces more than it said: inside what is accepted it counts, outside it is not heard.
    const [, out = ''] = /neighbor fd10:0:0:1::1 route-map (\S+) out/.exec(fileOf(theirs(), nodeId(11))) ?? []
    const router = ['configure terminal', `router bgp ${B.as}`, 'no bgp ebgp-requires-policy', 'address-family ipv6 unicast'] // prettier-ignore
    const beside = ['fd20:0:0:1:8000::/65', 'fd99::/64', 'fd10:0:0:1::/64', 'fd00:b3::/64'].map((each) => `network ${each}`) // prettier-ignore
    await b.b.frr.vtysh(...router, ...beside, `no neighbor fd10:0:0:1::1 route-map ${out} out`)
    await a.a.untilBest('fd20:0:0:1:8000::/65')
    expect(await a.a.best('fd99::/64')).toBeUndefined()
    for (const own of ['fd10:0:0:1::/64', 'fd00:b3::/64']) expect((await a.a.best(own))?.aspath?.string).toBe('Local')

    // The peering is revoked at A: the crossing is not in its world any more.
    await a.a.load(ours({}, { crossings: [], routePolicies: policies }))
    await Promise.all([a.a3.untilGone(B.cidr, 5_000), b.b3.untilGone(A.cidr, 5_000)])
  })

  test('more prefixes than were agreed end the session, and those that were there go', async () => {
    const many = Array.from({ length: 6 }, (_, n) => `fd20:0:0:1:${n + 1}::/80`)
    await using lab = await Lab.open()
    const a = await startAll(lab, ours({ maxPrefixes: 4 }), { a: 1 })
    const b = await startAll(lab, theirs({}, { advertised: many.slice(0, 4) }), { b: 11 })
    await a.a.untilBest('fd20:0:0:1:4::/80')
    await b.b.load(theirs({}, { advertised: many }))
    await eventually(established(a.a, 'fd20:0:0:1::1'), (up) => !up)
    await a.a.untilGone('fd20:0:0:1:4::/80')
    expect(await a.a.frr.vtysh('show bgp neighbors fd20:0:0:1::1')).toMatch(/Maximum Number of Prefixes|max.*prefix/i)
  })

  test('a lan that is advertised crosses while its member announces it, and the gateway keeps its road to it', async () => {
    const advertised = [A.cidr, 'fd00:b3::/64']
    await using lab = await Lab.open()
    const a = await startAll(lab, ours({ advertised }), { a: 1, a3: 3 })
    const b = await startAll(lab, theirs({}, { accepted: advertised }), { b: 11 })
    await b.b.untilBest('fd00:b3::/64')
    expect(await a.a.best('fd00:b3::/64')).toMatchObject({ nexthops: [{ ip: 'fd10:0:0:1::3' }] })
    expect(await a.a.kernel()).toContain('fd00:b3::/64')
    await a.a3.load(ours({ advertised }, { members: [hubOf(1, 1), memberOf(1, 3)] }))
    await b.b.untilGone('fd00:b3::/64')
    expect(await b.b.best(A.cidr)).toBeDefined()
  })

  test('of two gateways on each side the first are used, and the second when they are gone', async () => {
    const gateways = (nodes: readonly number[]) => nodes.map((n) => ({ memberId: memberId(1, n), listenPort: 51_900, publicKey: undefined })) // prettier-ignore
    const remote = (prefix: string, asNumber: number) => [1, 2].map((n) => ({ publicKey: '', endpoint: undefined, address: `${prefix}::${n}`, asNumber })) // prettier-ignore
    const worldA = ours(
      { gateways: gateways([1, 2]), remote: remote('fd20:0:0:1', B.as) },
      { members: [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3)] },
    )
    const worldB = theirs(
      { members: [11, 12].map((n) => hubOf(1, n, { address: `fd20:0:0:1::${n - 10}` })) },
      { gateways: gateways([11, 12]), remote: remote('fd10:0:0:1', A.as) },
    )
    await using lab = await Lab.open()
    const a = await startAll(lab, worldA, { a1: 1, a2: 2, a3: 3 })
    await startAll(lab, worldB, { b1: 11, b2: 12 })
    const by = (gateway: number) => (path: { nexthops?: readonly { readonly ip: string }[] } | undefined) =>
      path?.nexthops?.[0]?.ip === `fd10:0:0:1::${gateway}`
    await eventually(() => a.a3.best(B.cidr), by(1), 60_000)
    await eventually(() => a.a2.best(B.cidr), by(1), 60_000)
    await eventually(() => a.a1.best(B.cidr), (path) => path?.nexthops?.[0]?.ip === 'fd20:0:0:1::1', 60_000) // prettier-ignore
    // The first gateway's machine is gone: its wire is cut, no last word.
    await a.a1.node.batch('link set e0 down')
    await eventually(() => a.a3.best(B.cidr), by(2), 90_000)
  })
})
