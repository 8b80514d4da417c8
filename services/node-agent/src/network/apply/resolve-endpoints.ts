import type { Tunnel } from '../checked/check-state.ts'
import { isAddress } from '../checked/patterns.ts'
import type { Tools } from '../tools.ts'

const ANSWERS_WITHIN_MS = 5_000

/**
 * Where the names of endpoints lead, as the node's own resolver says. A name that is unknown leaves its peer without an
 * endpoint, and every other peer as it should be.
 */
export async function resolveEndpoints(tools: Tools, tunnels: readonly Tunnel[]): Promise<ReadonlyMap<string, string>> {
  const hosts = tunnels.flatMap(({ peers }) => peers.flatMap(({ endpoint }) => (endpoint ? [endpoint.host] : [])))
  const names = [...new Set(hosts)].filter((host) => !/^[0-9.]+$|:/.test(host))
  const found = new Map<string, string>()
  for (const name of names) {
    const { code, out } = await tools.run('getent', ['ahosts', name], { timeoutMs: ANSWERS_WITHIN_MS })
    const [address = ''] = out.split(/\s/, 1)
    if (code === 0 && isAddress(address)) found.set(name, address)
  }
  return found
}
