import type { Member } from '../../world.ts'
import type { NetworkIndex } from '../world-index.ts'
import type { Firewall } from './firewall.ts'
import { leaks } from './guards.ts'
import { some } from './interfaces.ts'

/** Of 65,535 zones, those that OVS and OVN take for themselves on a node count from the other end. */
const FIRST_AND_LAST = 65_635

/**
 * The zone of a network's connections at a node: of each table of routes its own, since in two of them the same addresses and ports
 * mean two connections. The kernel would take the second for the first, and what was let in by one tenant's rules for let in by the
 * other's.
 *
 * 0, where all others are, wherever something but tunnels and the node itself is in the table: what comes by a LAN is followed
 * before it is known to come by a VRF, and both halves of a connection MUST meet in one zone.
 */
export function zoneOf(tableId: number | undefined, { network }: NetworkIndex, { lanSubnets }: Member): number {
  const isTunnelsAlone = lanSubnets.length === 0 && network.podSubnet === undefined
  return tableId === undefined || !isTunnelsAlone ? 0 : FIRST_AND_LAST - tableId
}

/** Lines that say the zone before the kernel looks a connection up, for what comes and for what the node sends itself. */
export function zonesOf(firewalls: readonly Firewall[]): { readonly in: string; readonly out: string } {
  const lines = (by: 'iifname' | 'oifname'): string =>
    firewalls
      .map((firewall): string => {
        const zone = sharedZone(firewall, firewalls)
        return zone === 0 ? '' : `\t\t${by} ${some(firewall.interfaces)} ct zone set ${zone}\n`
      })
      .join('')
  return { in: lines('iifname'), out: lines('oifname') }
}

/** Where routes leak, a connection goes by two networks and is one: all that leak to one another have the least of their zones. */
function sharedZone(firewall: Firewall, all: readonly Firewall[]): number {
  const together = new Set([firewall])
  for (const one of together) for (const other of all) if (leaks(one, other) || leaks(other, one)) together.add(other)
  return Math.min(...[...together].map(({ zone }) => zone))
}
