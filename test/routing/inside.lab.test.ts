import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { Lab } from '../lab/lab.ts'
import { labSkip } from '../lab/requirements.ts'
import { startAll } from './routers.ts'
import { hubOf, memberId, memberOf, networkId, networkOf, policyOf, statementOf, virtualIpOf, withBgp, worldOf } from '../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts' // prettier-ignore

const lans = { lanSubnets: ['10.3.0.0/24', 'fd00:b3::/64'] }

describe.skipIf(labSkip(['zebra', 'bgpd', 'vtysh', 'frr-reload.py']))('routers inside a platform', () => {
  test('a hub passes on what spokes have, and nothing that is not theirs', async () => {
    const world = worldOf({
      members: [hubOf(1, 1), memberOf(1, 3, lans), memberOf(1, 4, { lanSubnets: ['fd00:b4::/64'] })],
    })
    await using lab = await Lab.open()
    const { hub, spoke, other } = await startAll(lab, world, { hub: 1, spoke: 3, other: 4 })

    expect(await other.untilBest('fd00:b3::/64')).toMatchObject({ valid: true, nexthops: [{ ip: 'fd10:0:0:1::3' }] })
    expect(await other.untilBest('10.3.0.0/24')).toMatchObject({ valid: true, nexthops: [{ ip: 'fd10:0:0:1::3' }] })
    await eventually(
      () => other.kernel(),
      (routes) => routes.includes('fd00:b3::/64') && routes.includes('10.3.0.0/24'),
    )

    const stolen = ['::/0', 'fd00:b4::/64', 'fd00:b3::7/128', 'fd10:0:0:1::/64']
    const announce = stolen.map((prefix) => `network ${prefix} route-map own-4d5begzn3cmk`)
    const router = ['configure terminal', 'router bgp 4200000010', 'address-family ipv6 unicast']
    await spoke.frr.vtysh(...router, ...announce, 'no network fd00:b3::/64')
    await spoke.untilBest('::/0')
    await other.untilGone('fd00:b3::/64') // said after what is stolen, so that has been heard
    expect(await hub.best('::/0')).toBeUndefined()
    expect(await hub.best('fd00:b3::7/128')).toBeUndefined()
    expect(await hub.best('fd10:0:0:1::/64')).toBeUndefined()
    expect((await hub.best('fd00:b4::/64'))?.nexthops?.[0]?.ip).toBe('fd10:0:0:1::4')
  })

  test('a hub dies and the other one reflects; a virtual IP goes to the next holder', async () => {
    const members = [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3, lans), memberOf(1, 4)]
    const held = (by: number) =>
      worldOf({ members, virtualIps: [virtualIpOf(1, { holders: [memberId(1, by)], med: 7 })] })
    await using lab = await Lab.open()
    const { first, second, spoke, other } = await startAll(lab, held(3), { first: 1, second: 2, spoke: 3, other: 4 })
    const vip = 'fd10:0:0:1::f1/128'
    expect(await other.untilBest(vip)).toMatchObject({ metric: 7, nexthops: [{ ip: 'fd10:0:0:1::3' }] })
    await second.untilBest('fd00:b3::/64')

    first.frr.killBgpd()
    await Promise.all([spoke, other, second].map((each) => each.load(held(4))))
    await eventually(
      () => spoke.best(vip),
      (path) => path?.nexthops?.[0]?.ip === 'fd10:0:0:1::4',
    )
    expect(await other.untilBest('fd00:b3::/64')).toMatchObject({ valid: true })
  })

  test('bgpd of a hub crashes: its neighbors keep their roads until it is back, and it its own', async () => {
    const members = [hubOf(1, 1), memberOf(1, 3, lans), memberOf(1, 4), memberOf(1, 5)]
    await using lab = await Lab.open()
    const { hub, other } = await startAll(lab, worldOf({ members }), { hub: 1, spoke: 3, other: 4 })
    const road = (routes: string) => routes.includes('fd00:b3::/64')
    for (const each of [hub, other]) await eventually(() => each.kernel(), road)
    hub.frr.killBgpd()
    await eventually(
      () => other.frr.vtysh('show bgp ipv6 unicast summary'),
      (shown) => /Active|Connect|Idle/.test(shown),
    )
    expect(road(await other.kernel())).toBe(true)
    expect(road(await hub.kernel())).toBe(true)
    await hub.frr.startBgpd()
    await hub.untilBest('fd00:b3::/64') // although one of its spokes is not there to speak to
    await eventually(() => hub.kernel(), road)
    await eventually(() => other.kernel(), road)
  })

  test('of two networks in one table neither hears of the other', async () => {
    const world = worldOf({
      networks: [networkOf(1), networkOf(2)],
      members: [
        hubOf(1, 1),
        hubOf(2, 1, { lanSubnets: ['fd00:b8::/64'] }),
        memberOf(1, 3, lans),
        memberOf(2, 4, { lanSubnets: ['fd00:b9::/64'] }),
        memberOf(1, 5),
      ],
    })
    await using lab = await Lab.open()
    const { hub, spoke, other, same } = await startAll(lab, world, { hub: 1, spoke: 3, other: 4, same: 5 })
    await same.untilBest('fd00:b3::/64')
    await hub.untilBest('fd00:b9::/64')
    await other.untilBest('fd00:b8::/64')
    expect(await other.best('fd00:b3::/64')).toBeUndefined()
    for (const theirs of ['fd00:b8::/64', 'fd00:b9::/64']) expect(await spoke.best(theirs)).toBeUndefined()
    for (const theirs of ['fd00:b8::/64', 'fd00:b9::/64']) expect(await same.best(theirs)).toBeUndefined()
  })

  test('policies narrow, prepend where they are meant to, and know from whom a route was learnt', async () => {
    const ours = [{ prefix: 'fd00::/8', ge: undefined, le: 128 }]
    const world = withBgp(
      worldOf({
        members: [hubOf(1, 1, { lanSubnets: ['fd00:b1::/64'] }), memberOf(1, 3, lans), memberOf(1, 4, { lanSubnets: ['fd00:b4::/64', 'fd66::/64'] }), memberOf(1, 5)], // prettier-ignore
        routePolicies: [
          policyOf(1, { statements: [statementOf({ prefixIn: ours, neighborIn: [memberId(1, 4)], setLocalPref: 150 }), statementOf({ prefixIn: ours })] }), // prettier-ignore
          policyOf(2, {
            scope: { kind: 'network', id: networkId(1) },
            statements: [
              statementOf({ action: 'reject', prefixIn: [{ prefix: 'fd66::/16', ge: undefined, le: 64 }] }),
              statementOf({ addCommunity: '65000:7' }),
            ],
          }),
          policyOf(3, {
            scope: { kind: 'member', id: memberId(1, 3) },
            direction: 'export',
            statements: [statementOf({ prependAsPath: 3, setMed: 30 })],
          }),
          policyOf(4, {
            scope: { kind: 'member', id: memberId(1, 5) },
            statements: [
              statementOf({ action: 'reject', communityIn: ['65000:7'], neighborIn: [memberId(1, 1)], prefixIn: [{ prefix: 'fd00:b1::/64', ge: undefined, le: undefined }] }), // prettier-ignore
              statementOf({ asPathRegex: '^(4200000010_?)+$', setMed: 77 }),
              statementOf({ asPathRegex: '^$' }),
            ],
          }),
        ],
      }),
      { defaultLocalPref: 110 },
    )
    await using lab = await Lab.open()
    const { hub, last } = await startAll(lab, world, { hub: 1, spoke: 3, other: 4, last: 5 })
    const as = '4200000010'
    expect(await hub.untilBest('fd00:b3::/64')).toMatchObject({
      aspath: { string: `${as} ${as} ${as}` },
      metric: 30,
      locPrf: 110,
      community: { string: '65000:7' },
    })
    expect(await last.untilBest('fd00:b3::/64')).toMatchObject({ aspath: { string: `${as} ${as} ${as}` }, metric: 77 })
    expect(await last.untilBest('fd00:b4::/64')).toMatchObject({ aspath: { string: 'Local' }, locPrf: 150 })
    // Everything else was heard with it, and is not there: IPv4 and fd66::/16 by their prefixes, the hub by its name.
    expect(await hub.best('fd66::/64')).toBeUndefined()
    expect(await hub.best('10.3.0.0/24')).toBeUndefined()
    expect(await last.best('fd00:b1::/64')).toBeUndefined()
  })

  test('a policy that changes while sessions stand holds for what was learnt before, and so does its end', async () => {
    const world = worldOf({ members: [hubOf(1, 1), memberOf(1, 3, lans), memberOf(1, 4)] })
    const within = (prefix: string) => [{ prefix, ge: undefined, le: undefined }]
    const judged = {
      ...world,
      routePolicies: [
        policyOf(1, { scope: { kind: 'member', id: memberId(1, 1) }, statements: [statementOf({ action: 'reject', prefixIn: within('10.3.0.0/24') }), statementOf({})] }), // prettier-ignore
        policyOf(2, { scope: { kind: 'member', id: memberId(1, 3) }, direction: 'export', statements: [statementOf({ setMed: 30 })] }), // prettier-ignore
      ],
    }
    await using lab = await Lab.open()
    const { hub, spoke, other } = await startAll(lab, world, { hub: 1, spoke: 3, other: 4 })
    const since = async (): Promise<string> => {
      const shown = JSON.stringify(await hub.frr.json('show bgp neighbors json'))
      return [...shown.matchAll(/"connectionsEstablished":(\d+)/g)].map(([, times]) => times).join()
    }
    expect(await other.untilBest('fd00:b3::/64')).toMatchObject({ metric: 0 })
    await other.untilBest('10.3.0.0/24')
    const stood = await since()

    await Promise.all([hub, spoke].map((each) => each.load(judged)))
    await Promise.all([hub, other].map((each) => each.untilGone('10.3.0.0/24')))
    const metric = (wanted: number) =>
      eventually(
        () => other.best('fd00:b3::/64'),
        (path) => path?.metric === wanted,
        60_000,
      )
    await metric(30)
    await Promise.all([hub, spoke].map((each) => each.load(world)))
    await other.untilBest('10.3.0.0/24')
    await metric(0)
    expect(await since()).toBe(stood)
  })
})
