import { z } from 'zod'
import type { Frr } from '../back-ends/frr.ts'

export type Bgp = {
  /** Whether the tables could be read: an empty one and no answer are not the same. */
  readonly measured: boolean
  readonly sessions: readonly { neighbor: string; state: string; prefixesReceived: number; vrfName: string }[]
  readonly routes: readonly { prefix: string; nextHop: string; asPath: string; best: boolean; vrfName: string }[]
}

const NOT_MEASURED: Bgp = { measured: false, sessions: [], routes: [] }
const FAMILIES = ['ipv4', 'ipv6'] as const

const SUMMARY = z.record(
  z.string(),
  z.object({
    peers: z.record(z.string(), z.object({ state: z.string(), pfxRcd: z.number().default(0) })).default({}),
  }),
)
const PATH = z.object({
  bestpath: z.boolean().default(false),
  path: z.string().default(''),
  nexthops: z
    .array(z.object({ ip: z.string().optional(), used: z.boolean().default(false), scope: z.string().optional() }))
    .default([]),
})
const TABLE = z.object({ routes: z.record(z.string(), z.array(PATH)).default({}) })
const TABLES = z.record(z.string(), TABLE)
const SESSIONS_MAX = 10_000
const ROUTES_MAX = 20_000

/** What BGP really has on this node: its sessions and its whole table, of every VRF, as vtysh tells it in JSON. */
export async function measureBgp(frr: Frr): Promise<Bgp> {
  try {
    const sessions: Bgp['sessions'][number][] = []
    const routes: Bgp['routes'][number][] = []
    for (const family of FAMILIES) {
      const summaries = SUMMARY.parse(await frr.json(`show bgp vrf all ${family} unicast summary json`))
      for (const [vrf, { peers }] of Object.entries(summaries)) {
        for (const [neighbor, { state, pfxRcd }] of Object.entries(peers)) {
          sessions.push({ neighbor, state, prefixesReceived: pfxRcd, vrfName: nameOf(vrf) })
        }
      }
      const tables = TABLES.parse(await frr.json(`show bgp vrf all ${family} unicast json`))
      for (const [vrf, table] of Object.entries(tables)) routes.push(...routesOf(nameOf(vrf), table))
    }
    return { measured: true, sessions: sessions.slice(0, SESSIONS_MAX), routes: routes.slice(0, ROUTES_MAX) }
  } catch {
    return NOT_MEASURED // FRR is away, or says what we do not understand: nothing is claimed
  }
}

/** FRR's word for the main table is ours for no VRF. */
const nameOf = (vrf: string): string => (vrf === 'default' ? '' : vrf)

function routesOf(vrfName: string, { routes }: z.infer<typeof TABLE>): Bgp['routes'][number][] {
  return Object.entries(routes).flatMap(([prefix, paths]) =>
    paths.map(({ bestpath, path, nexthops }) => ({
      prefix,
      nextHop: nexthops.find(({ scope }) => scope === 'global')?.ip ?? nexthops[0]?.ip ?? '',
      asPath: path,
      best: bestpath,
      vrfName,
    })),
  )
}
