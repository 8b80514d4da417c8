import { eventually } from '../../eventually.ts'
import { ControlPlane } from '../control-plane.ts'
import { startFrr, type Frr } from '../frr.ts'
import { Lab, type LabNode } from '../lab.ts'
import { answers, behind, listening } from './hosts.ts'
import { untilReached } from './questions.ts'
import { say } from './say.ts'
import { accept, INSIDE, Tenants, type Place } from './tenants.ts'

const PATIENCE_MS = 240_000
const PLACES = ['hub', 'spoke'] as const

/** Two tenants on two nodes with FRR, and a host behind each tenant's spoke. */
export type Routed = { readonly world: Tenants; readonly frr: Readonly<Record<Place, Frr>> }

/**
 * Lays that out with what else is wanted, has everybody answer on 443 and 444, of which the first tenant lets the first pass alone, and
 * tells a story of it.
 */
export async function withBgp(more: (world: Tenants) => void, tell: (its: Routed) => Promise<void>): Promise<void> {
  await using lab = await Lab.open()
  await using control = await ControlPlane.start()
  const world = await Tenants.laid(lab, control, ['ibgp', 'ibgp'])
  more(world)
  const frr = { hub: await startFrr(world.nodes.hub), spoke: await startFrr(world.nodes.spoke) }
  say('begun', true)
  try {
    await begin(lab, world)
    await tell({ world, frr })
  } catch (error) {
    say('failed', `${error instanceof Error ? (error.stack ?? '') : String(error)}\n${world.log().slice(-6_000)}`)
    for (const place of PLACES) process.stdout.write(await pictureOf(world.nodes[place], frr[place]))
  } finally {
    await world.stopAgents()
  }
}

async function begin(lab: Lab, world: Tenants): Promise<void> {
  const [, second] = world.tenants
  if (second) world.rules = [...world.rules, accept(second.network, 444)]
  await world.startAgents()
  world.want()
  await world.keyed()
  say('keyed', true)
  world.want()
  await world.applied()
  say('applied', true)
  const hosts: LabNode[] = []
  for (const at of [0, 1]) hosts.push(await behind(lab, world, at))
  await Promise.all(hosts.map((host) => answers(host, host.name)))
  const rooms = PLACES.flatMap((place) => [0, 1].map((at) => world.room(place, at)))
  await Promise.all(rooms.map((room) => answers(room, room.name)))
  const { hub, spoke } = world.nodes
  const ready = () => Promise.all([hub, spoke, ...hosts].map(listening))
  await eventually(ready, (all) => all.join() === '4,4,2,2', PATIENCE_MS)
  say('listening', true)
  for (const at of [0, 1]) await untilReached(world, ['hub', at, `${INSIDE}9`, 443])
}

/** Prefixes that BGP has in a table, and those that it has put into the kernel's. */
export type Table = { readonly bgp: readonly string[]; readonly kernel: readonly string[] }

/** By place and tenant. */
export async function tablesOf({ world, frr }: Routed): Promise<Readonly<Record<string, Table>>> {
  const tables: Record<string, Table> = {}
  for (const place of PLACES) {
    for (const at of [0, 1]) {
      const { vrf } = world.room(place, at)
      const bgp = (await frr[place].json(`show bgp vrf ${vrf} ipv6 unicast json`)) as { readonly routes?: object }
      const found = await world.nodes[place].must('ip', ['-j', '-6', 'route', 'show', 'vrf', vrf, 'proto', 'bgp'])
      const kernel = JSON.parse(found || '[]') as readonly { readonly dst: string }[]
      tables[`${place} ${at}`] = {
        bgp: Object.keys(bgp.routes ?? {}).toSorted(),
        kernel: kernel.map(({ dst }) => (dst.includes('/') ? dst : `${dst}/128`)).toSorted(),
      }
    }
  }
  return tables
}

/** For whoever has to find out why something is not as it should be. */
export async function pictureOf(node: LabNode, frr: Frr): Promise<string> {
  const parts = [
    await node.must('ip', ['-o', 'addr', 'show']),
    await node.must('ip', ['-6', 'route', 'show', 'table', 'all']),
    await node.must('wg', ['show', 'all', 'allowed-ips']),
    await node.must('nft', ['-s', 'list', 'ruleset']),
    await frr.vtysh(
      'show bgp vrf all ipv6 unicast',
      'show bgp vrf all ipv6 unicast summary',
      'show ipv6 route vrf all',
    ),
  ]
  return parts.join(`--- ${node.name}\n`)
}
