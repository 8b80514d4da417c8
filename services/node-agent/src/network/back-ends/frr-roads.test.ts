import { expect, test } from 'vitest'
import { roadsToRemove, withoutRoads } from './frr-roads.ts'

const RUNNING = `frr version 8.4.4
ipv6 route fd10:0:0:2::/64 wg-b 220 nexthop-vrf vr-b
ip route 10.3.0.0/24 wg-b 220 nexthop-vrf vr-b
!
vrf vr-a
 ipv6 route fd10:0:0:2::/64 wg-b 220 nexthop-vrf vr-b
 ipv6 route fd10:0:0:2::9/128 reject 220
exit-vrf
!
vrf vr-b
 ipv6 route fd10:0:0:1::/64 wg-a 220 nexthop-vrf vr-a
exit-vrf
!
router bgp 1 vrf vr-b
 address-family ipv6 unicast
  network fd10:0:0:1::/64
`

test('a route goes from the table that it is in, and stays in others', () => {
  const wanted = `ipv6 route fd10:0:0:2::/64 wg-b 220 nexthop-vrf vr-b\nvrf vr-a\n ipv6 route fd10:0:0:2::/64 wg-b 220 nexthop-vrf vr-b\nexit-vrf\n`
  expect(roadsToRemove(RUNNING, wanted)).toEqual([
    'configure terminal',
    'no ip route 10.3.0.0/24 wg-b 220 nexthop-vrf vr-b',
    'vrf vr-a',
    'no ipv6 route fd10:0:0:2::9/128 reject 220',
    'exit',
    'vrf vr-b',
    'no ipv6 route fd10:0:0:1::/64 wg-a 220 nexthop-vrf vr-a',
    'exit',
  ])
})

test('without its routes a configuration is the same else', () => {
  expect(withoutRoads(RUNNING).split('\n')).toEqual(RUNNING.split('\n').filter((line) => !line.includes(' route ')))
})

test('where all of them are wanted nothing is said', () => {
  expect(roadsToRemove(RUNNING, RUNNING)).toEqual([])
  expect(roadsToRemove('frr defaults traditional\n', RUNNING)).toEqual([])
})
