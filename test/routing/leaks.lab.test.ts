import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { Lab } from '../lab/lab.ts'
import { labSkip } from '../lab/requirements.ts'
import type { RouteLeak } from '../../services/sdwan-compiler/src/world.ts'
import { laid } from './tables.ts'
import {
  hubOf,
  leakOf,
  memberOf,
  networkId,
  networkOf,
  nodeId,
  worldOf,
} from '../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts'

const isolated = { isolation: 'dedicated_vrf' } as const

describe.skipIf(labSkip(['zebra', 'bgpd', 'vtysh', 'frr-reload.py']))('tables of their own', () => {
  test('two tenants have the same prefixes behind them and hear nothing of one another; a leak brings over what its filter permits, once', async () => {
    const filter: RouteLeak['filter'] = [
      { cidr: 'fd00:aa::/32', action: 'permit' },
      { cidr: 'fd00:aa:1::/48', action: 'deny' },
    ]
    const lan = (...lanSubnets: string[]) => ({ lanSubnets: ['fd00:bb::/64', ...lanSubnets] })
    await using lab = await Lab.open()
    const { world, routers } = await laid(
      lab,
      worldOf({
        networks: [networkOf(1, isolated), networkOf(2, isolated)],
        members: [
          hubOf(1, 1, lan('fd00:aa:1::/64', 'fd00:aa:2::/64')),
          hubOf(2, 2, lan('fd00:cc::/64')),
          memberOf(1, 3),
          memberOf(2, 3),
        ],
        routeLeaks: [leakOf(1, { filter, bidirectional: true })],
      }),
    )
    const table = (node: number, network: number) =>
      world.vrfs.find((each) => each.nodeId === nodeId(node) && each.networkId === networkId(network))?.vrfName ?? ''
    const [one, two, both] = [routers.get(1), routers.get(2), routers.get(3)]
    if (!one || !two || !both) throw new Error('not all started')

    expect(await both.untilBest('fd00:bb::/64', table(3, 1))).toMatchObject({ nexthops: [{ ip: 'fd10:0:0:1::1' }] })
    expect(await both.untilBest('fd00:bb::/64', table(3, 2))).toMatchObject({ nexthops: [{ ip: 'fd10:0:0:2::2' }] })
    // Leaked where both tables are, and passed on by that node's own address.
    await both.untilBest('fd00:aa:2::/64', table(3, 2))
    expect(await two.untilBest('fd00:aa:2::/64', table(2, 2))).toMatchObject({
      valid: true,
      nexthops: [{ ip: 'fd10:0:0:2::3' }],
    })
    expect(await two.best('fd00:aa:1::/64', table(2, 2))).toBeUndefined()
    expect(await one.best('fd00:cc::/64', table(1, 1))).toBeUndefined()
    expect(await two.best('fd00:bb::/64', table(2, 2))).toMatchObject({ aspath: { string: 'Local' } })
  })

  test('a leak without a filter brings the whole network, to the main table too, and is not leaked on', async () => {
    await using lab = await Lab.open()
    const { world, routers } = await laid(
      lab,
      worldOf({
        networks: [networkOf(1, isolated), networkOf(2), networkOf(3, isolated)],
        members: [hubOf(1, 1, { lanSubnets: ['fd00:aa::/64'] }), hubOf(2, 2), memberOf(1, 3), hubOf(2, 3), hubOf(3, 3)],
        routeLeaks: [leakOf(1), leakOf(2, { sourceNetworkId: networkId(2), destNetworkId: networkId(3) })],
      }),
    )
    const table = (network: number) =>
      world.vrfs.find((each) => each.nodeId === nodeId(3) && each.networkId === networkId(network))?.vrfName ?? ''
    const [two, both] = [routers.get(2), routers.get(3)]
    if (!two || !both) throw new Error('not all started')
    expect(await two.untilBest('fd00:aa::/64')).toMatchObject({ valid: true, nexthops: [{ ip: 'fd10:0:0:2::3' }] })
    expect(await two.untilBest('fd10:0:0:1::/64')).toMatchObject({ valid: true, nexthops: [{ ip: 'fd10:0:0:2::3' }] })
    await both.untilBest('fd10:0:0:2::/64', table(3))
    expect(await both.best('fd00:aa::/64', table(3))).toBeUndefined()
    expect(await both.best('fd10:0:0:1::/64', table(3))).toBeUndefined()
    expect(await both.best('fd10:0:0:2::/64', table(1))).toBeUndefined()
  })

  test('of two nodes that could carry a leak the first does, for the other too, and the other when the first is gone', async () => {
    await using lab = await Lab.open()
    const { world, routers } = await laid(
      lab,
      worldOf({
        networks: [networkOf(1, isolated), networkOf(2, isolated)],
        members: [hubOf(1, 1, { lanSubnets: ['fd00:aa::/64'] }), hubOf(2, 2), memberOf(1, 3), memberOf(2, 3), memberOf(1, 4), memberOf(2, 4)], // prettier-ignore
        routeLeaks: [leakOf(1, { bidirectional: true })],
      }),
    )
    const table = (node: number) =>
      world.vrfs.find((each) => each.nodeId === nodeId(node) && each.networkId === networkId(2))?.vrfName ?? ''
    const [two, first, next] = [routers.get(2), routers.get(3), routers.get(4)]
    if (!two || !first || !next) throw new Error('not all started')
    const goesBy = (router: typeof two, node: number, hop: string) =>
      eventually(
        () => router.best('fd00:aa::/64', table(node)),
        (path) => path?.nexthops?.[0]?.ip === hop,
        120_000,
      )
    await goesBy(two, 2, 'fd10:0:0:2::3')
    await goesBy(next, 4, 'fd10:0:0:2::3')
    await goesBy(first, 3, '::')

    first.frr.killBgpd()
    await goesBy(two, 2, 'fd10:0:0:2::4')
    await goesBy(next, 4, '::')
    await first.frr.startBgpd()
    await goesBy(two, 2, 'fd10:0:0:2::3')
    await goesBy(next, 4, 'fd10:0:0:2::3')
  })
})
