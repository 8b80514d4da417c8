import { isOurs, linksOf } from '../back-ends/links.ts'
import { fingerprintOfTable } from '../back-ends/nftables.ts'
import { changesOf } from '../back-ends/routes.ts'
import { driftOf, showInterface } from '../back-ends/wireguard.ts'
import type { CheckedState } from '../checked/check-state.ts'
import type { BackEndName, MachineDeps, Status } from './machine.ts'

type Ask = (deps: MachineDeps, is: CheckedState, waits: boolean) => Promise<string | undefined>

const DETAIL_MAX = 512
const NONE: ReadonlySet<string> = new Set()

/** How each back end is compared with a state; what was absent or away is told once, and is no drift. */
const ASK: Readonly<Record<BackEndName, Ask>> = {
  async wireguard({ vrfs, keys, movesOf }, is) {
    for (const tunnel of is.interfaces) {
      const { tools } = vrfs.roomOf(is.vrfs, tunnel.vrf)
      const link = (await linksOf(tools)).find(({ ifname }) => ifname === tunnel.name)
      if (!link) return `${tunnel.name} is gone`
      if (!link.flags.includes('UP') || link.mtu !== tunnel.mtu) return `${tunnel.name} is down, or has another MTU`
      const said = { key: await keys.of(tunnel.name), moves: movesOf(tunnel) }
      const drifted = driftOf(tunnel, await showInterface(tools, tunnel.name), said)
      if (drifted !== undefined) return drifted
    }
    const wanted = new Set(is.interfaces.map(({ name }) => name))
    for (const room of vrfs.roomsOf(is.vrfs).values()) {
      const stray = (await linksOf(room)).find((link) => isOurs(link, NONE) && !wanted.has(link.ifname))
      if (stray) return `${stray.ifname} is there, and wanted no more`
    }
    return undefined
  },

  async routes({ vrfs }, is) {
    const ofTables = await vrfs.drift(is.vrfs)
    if (ofTables !== undefined) return ofTables
    for (const tunnel of is.interfaces) {
      const { tools, table } = vrfs.roomOf(is.vrfs, tunnel.vrf)
      const { add, remove } = await changesOf(tools, tunnel, table)
      const [first] = [...remove, ...add]
      if (first !== undefined) return `needed: ${first}`
    }
    return undefined
  },

  async nftables({ vrfs, journal }, is) {
    const { nftables } = journal.prints()
    for (const [vrf, room] of vrfs.roomsOf(is.vrfs)) {
      if ((await fingerprintOfTable(room)) !== (nftables[vrf] ?? '')) return 'the table is not as it was loaded'
    }
    return undefined
  },

  async frr({ frr, journal }, is, waits) {
    if (waits) return undefined
    if (is.frr === '') return journal.prints().frr === '' ? undefined : 'FRR runs what it was to be without'
    if (!(await frr.isThere().catch(() => false))) return 'FRR does not answer'
    return (await frr.fingerprint()) === journal.prints().frr ? undefined : 'FRR runs another configuration'
  },

  async ovn({ ovn }, is, waits) {
    if (waits) return undefined
    for (const changes of [...is.ovnEndings, ...(is.ovn ? [is.ovn] : [])]) {
      const drifted = await ovn.drift(changes)
      if (drifted !== undefined) return drifted
    }
    return undefined
  },
}

/** What is not as the state has it; empty when all is. Asks every back end, changes nothing. */
export async function driftFrom(deps: MachineDeps, is: CheckedState, statuses: readonly Status[]): Promise<Status[]> {
  const found: Status[] = []
  for (const name of ['wireguard', 'routes', 'nftables', 'frr', 'ovn'] as const) {
    const waits = statuses.some((each) => each.name === name && each.status !== 'applied')
    const detail = await ASK[name](deps, is, waits).catch((error: unknown) => (error instanceof Error ? error.message : String(error))) // prettier-ignore
    if (detail !== undefined) found.push({ name, status: 'drifted', detail: detail.slice(0, DETAIL_MAX) })
  }
  return found
}
