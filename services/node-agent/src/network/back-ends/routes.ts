import { z } from 'zod'
import type { Tunnel } from '../checked/check-state.ts'
import { isV6 } from '../checked/patterns.ts'
import type { Tools } from '../tools.ts'

/**
 * The protocol number of our routes (rtnetlink(7), rtm_protocol): only routes that bear it are removed, and a route that
 * somebody else made is never replaced.
 */
export const PROTOCOL = '94'

const ADDRESSES = z.array(
  z.object({
    addr_info: z.array(z.object({ local: z.string().optional(), prefixlen: z.number().optional() })).default([]),
  }),
)
const ROUTES = z.array(z.object({ dst: z.string(), metric: z.number().default(0) }))

/** Where routes go: undefined is the main table. */
export type Table = number | undefined

type Change = { readonly remove: readonly string[]; readonly add: readonly string[] }

/** What has to change so that an interface has its addresses and routes, and no other of ours; as lines of `ip -batch`. */
export async function changesOf(tools: Tools, tunnel: Tunnel, table: Table): Promise<Change> {
  const addresses = await addressesOf(tools, tunnel.name)
  const wanted = new Set(tunnel.addresses)
  const there = await routesOf(tools, tunnel.name, table)
  const routes = new Map(tunnel.routes.map(({ prefix, metric }) => [keyOf(prefix, metric), { prefix, metric }]))
  const at = `dev ${tunnel.name} proto ${PROTOCOL}${table === undefined ? '' : ` table ${table}`}`
  return {
    remove: [
      ...there.filter((key) => !routes.has(key)).map((key) => `route del ${key} ${at}`),
      ...addresses.filter((each) => !wanted.has(each)).map((each) => `address del ${each} dev ${tunnel.name}`),
    ],
    add: [
      ...[...wanted]
        .filter((each) => !addresses.includes(each))
        .map((each) => `address add ${each} dev ${tunnel.name}${isV6(each) ? ' nodad' : ''}`),
      ...[...routes.keys()].filter((key) => !there.includes(key)).map((key) => `route add ${key} ${at}`),
    ],
  }
}

/** Brings addresses and routes to what they have to be. Throws at the first line that the kernel refuses. */
export async function applyRoutes(tools: Tools, tunnel: Tunnel, table: Table): Promise<void> {
  const { remove, add } = await changesOf(tools, tunnel, table)
  await batch(tools, [...remove, ...add])
}

/** The kernel's own metric for what was given none: 1024 in IPv6, 0 in IPv4. */
const keyOf = (prefix: string, metric: number): string =>
  `${prefix} metric ${metric === 0 && isV6(prefix) ? 1_024 : metric}`

async function addressesOf(tools: Tools, name: string): Promise<string[]> {
  const found = ADDRESSES.parse(JSON.parse((await tools.must('ip', ['-j', 'address', 'show', 'dev', name])) || '[]'))
  return found.flatMap(({ addr_info }) =>
    addr_info.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen ?? 0}`])),
  )
}

async function routesOf(tools: Tools, name: string, table: Table): Promise<string[]> {
  const found: string[] = []
  for (const family of ['-4', '-6']) {
    const where = ['table', table === undefined ? 'main' : String(table), 'dev', name, 'proto', PROTOCOL]
    const { code, out } = await tools.run('ip', ['-j', family, 'route', 'show', ...where])
    if (code !== 0) continue // a table that nothing was ever put into is not there
    const routes = ROUTES.parse(JSON.parse(out || '[]'))
    found.push(...routes.map(({ dst, metric }) => keyOf(dst.includes('/') ? dst : `${dst}${WHOLE[family]}`, metric)))
  }
  return found
}

const WHOLE: Readonly<Record<string, string>> = { '-4': '/32', '-6': '/128' }

/** Many changes in one process. Every word was checked against an alphabet without spaces. */
async function batch(tools: Tools, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await tools.must('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` })
}
