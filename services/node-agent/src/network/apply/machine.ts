import type { CheckedState, Tunnel } from '../checked/check-state.ts'
import { letForward } from '../back-ends/forwarding.ts'
import type { Frr } from '../back-ends/frr.ts'
import { withoutRoads } from '../back-ends/frr-roads.ts'
import { isOurs, linksOf, makeLink, removeLink } from '../back-ends/links.ts'
import { applyTable, countedIn, fingerprintOfTable, type Counted } from '../back-ends/nftables.ts'
import type { Ovn } from '../back-ends/ovn.ts'
import { applyRoutes } from '../back-ends/routes.ts'
import type { Room, Vrfs } from '../back-ends/vrfs.ts'
import { renderConfig, syncConfig, type Moves } from '../back-ends/wireguard.ts'
import type { Keys } from '../keys.ts'
import { ToolAbsent } from '../tools.ts'
import { driftFrom } from './drift.ts'
import { GoneConnections } from './gone-connections.ts'
import type { Journal } from './journal.ts'
import { resolveEndpoints } from './resolve-endpoints.ts'

export type BackEndName = 'wireguard' | 'nftables' | 'frr' | 'ovn' | 'routes'

const ALL: readonly BackEndName[] = ['nftables', 'wireguard', 'routes', 'frr', 'ovn']

/** How one of them is: as the proto has it. */
export type Status = {
  readonly name: BackEndName
  readonly status: 'applied' | 'failed' | 'absent' | 'drifted'
  readonly detail: string
}

export type MachineDeps = {
  readonly vrfs: Vrfs
  readonly frr: Frr
  readonly ovn: Ovn
  readonly keys: Keys
  readonly journal: Journal
  /** Which prefixes another peer carries for now. */
  readonly movesOf: (tunnel: Tunnel) => Moves
  /** Takes down what the firewall has counted, before its table is replaced. */
  readonly retireCounters: (counted: readonly Counted[]) => Promise<void>
}

/** A state that could not be brought about whole. */
export class ApplyFailed extends Error {
  override readonly name = 'ApplyFailed'
}

/** The network of this machine, as far as it is ours. */
export class Machine {
  readonly #deps: MachineDeps
  readonly #gone: GoneConnections
  #statuses: readonly Status[]
  /** The state whose tables were looked at last, and how they looked. */
  #printed: { readonly state: CheckedState; readonly nftables: Record<string, string> } | undefined

  constructor(deps: MachineDeps) {
    this.#deps = deps
    this.#gone = new GoneConnections(deps.journal)
    this.#statuses = ALL.map((name) =>
      name === 'nftables' ? { name, ...this.#gone.standing } : { name, status: 'applied', detail: '' },
    )
  }

  /** How each back end was left. */
  get statuses(): readonly Status[] {
    return this.#statuses
  }

  roomOf(state: CheckedState, { vrf }: Pick<Tunnel, 'vrf'>): Room {
    return this.#deps.vrfs.roomOf(state.vrfs, vrf)
  }

  /**
   * Brings the machine from one state to another, whatever of either is there already: done twice, it is done once.
   *
   * The firewall comes before the tunnels: no packet meets a new one without its rules, and none an old one whose rules are
   * gone. Throws `ApplyFailed` where the state cannot be had whole; then `was` MUST be brought back. A northbound database
   * that does not answer is no such thing: it may be away for long, and a rule that has to go now cannot wait for it.
   */
  async become(wanted: CheckedState, was: CheckedState): Promise<void> {
    const { vrfs, journal } = this.#deps
    const statuses: Status[] = []
    const done = (name: BackEndName): void => void statuses.push({ name, status: 'applied', detail: '' })
    await this.#step('routes', () => vrfs.make(wanted.vrfs))
    await this.#step('wireguard', () => this.#removeSurplus(wanted, was))
    await this.#step('nftables', async () => {
      await this.#deps.retireCounters(await countedIn(vrfs.roomsOf(was.vrfs).values()))
      for (const room of vrfs.roomsOf(wanted.vrfs).values()) await applyTable(room, wanted.nftables)
    })
    statuses.push({ name: 'nftables', ...(await this.#gone.end(vrfs.roomsOf(wanted.vrfs).values(), wanted, was)) })
    await this.#step('wireguard', () => this.#applyTunnels(wanted))
    done('wireguard')
    await this.#step('routes', () => this.#applyRoutes(wanted))
    done('routes')
    statuses.push(await this.#step('frr', () => this.#applyFrr(wanted, was)))
    statuses.push(await this.#applyOvn(wanted))
    await this.#step('routes', async () => vrfs.remove(namesGone(await vrfs.list(), { was, wanted })))
    this.#statuses = statuses
    await journal.print(await this.#prints(wanted))
  }

  /** Tries again what was absent or away, and nothing else: the rest is as it has to be. */
  async catchUp(is: CheckedState): Promise<void> {
    const statuses: Status[] = []
    for (const each of this.#statuses) {
      if (each.status === 'applied') statuses.push(each)
      else if (each.name === 'nftables')
        statuses.push({ name: 'nftables', ...(await this.#gone.end(this.#deps.vrfs.roomsOf(is.vrfs).values(), is)) })
      else if (each.name === 'ovn') statuses.push(await this.#applyOvn(is))
      else if (each.name === 'frr') statuses.push(await this.#step('frr', () => this.#applyFrr(is, is)))
    }
    this.#statuses = statuses
    await this.#deps.journal.print(await this.#prints(is))
  }

  /** What is not as the state has it; empty when all is. */
  drift(is: CheckedState): Promise<readonly Status[]> {
    return driftFrom(this.#deps, is, this.#statuses)
  }

  async #removeSurplus(wanted: CheckedState, was: CheckedState): Promise<void> {
    const { vrfs, journal } = this.#deps
    const making = journal.interrupted()?.making ?? new Set()
    const there = await vrfs.list()
    const all = new Map([...was.vrfs, ...wanted.vrfs].map((each) => [each.name, each])).values()
    for (const [place, room] of vrfs.roomsOf([...all].filter(({ name }) => there.includes(name)))) {
      for (const link of (await linksOf(room)).filter((each) => isOurs(each, making))) {
        const tunnel = wanted.interfaces.find(({ name }) => name === link.ifname)
        const isInPlace = tunnel !== undefined && vrfs.placeOf(wanted.vrfs, tunnel.vrf) === place
        if (!isInPlace || link.master !== this.#masterOf(wanted, tunnel)) await removeLink(room, link.ifname)
      }
    }
  }

  #masterOf(state: CheckedState, { vrf }: Tunnel): string | undefined {
    return this.#deps.vrfs.roomOf(state.vrfs, vrf).table === undefined ? undefined : vrf
  }

  async #applyTunnels(wanted: CheckedState): Promise<void> {
    const { vrfs, keys, journal, movesOf } = this.#deps
    const { tools: outside } = vrfs.roomOf([], undefined)
    const resolved = await resolveEndpoints(outside, wanted.interfaces)
    for (const tunnel of wanted.interfaces) {
      const { tools } = this.roomOf(wanted, tunnel)
      const there = (await linksOf(tools)).find(({ ifname }) => ifname === tunnel.name)
      if (there && !isOurs(there, journal.interrupted()?.making ?? new Set()))
        throw new Error(`${tunnel.name} is there and not ours`)
      if (!there) {
        await journal.making(wanted.version, tunnel.name)
        await makeLink(outside, tunnel.name)
        if (tunnel.vrf !== undefined) await vrfs.put(tunnel.name, tunnel.vrf)
      }
      const key = await keys.of(tunnel.name)
      await syncConfig(tools, tunnel.name, renderConfig(tunnel, { key, resolved, moves: movesOf(tunnel) }))
      await tools.must('ip', ['link', 'set', 'dev', tunnel.name, 'mtu', String(tunnel.mtu), 'up'])
    }
  }

  async #applyRoutes(wanted: CheckedState): Promise<void> {
    for (const tunnel of wanted.interfaces) {
      const { tools, table } = this.roomOf(wanted, tunnel)
      await letForward(tools, tunnel.name)
      await applyRoutes(tools, tunnel, table)
    }
  }

  /** FRR is told of a network without BGP only when it was told of one with it before. */
  async #applyFrr({ frr }: CheckedState, was: CheckedState): Promise<Status> {
    const applied = { name: 'frr', status: 'applied', detail: '' } as const
    if (frr === '' && was.frr === '' && this.#deps.journal.prints().frr === '') return applied
    if (!(await this.#hasFrr()))
      return { ...applied, status: 'absent', detail: 'FRR is not installed, or its daemons do not answer' }
    const config = this.#deps.vrfs.areJoined ? frr : withoutRoads(frr)
    await this.#deps.frr.apply(config)
    return config === frr ? applied : { ...applied, detail: 'what leaks is left out: no route leads from one namespace into another' } // prettier-ignore
  }

  /** What ended goes first: its names are free then. A database that is away keeps no other from being written. */
  async #applyOvn({ ovn, ovnEndings }: CheckedState): Promise<Status> {
    let status: Status = { name: 'ovn', status: 'applied', detail: '' }
    for (const changes of [...ovnEndings, ...(ovn ? [ovn] : [])]) {
      try {
        await this.#deps.ovn.apply(changes)
      } catch (error) {
        const detail = error instanceof Error ? error.message.slice(0, 512) : ''
        status = { name: 'ovn', status: error instanceof ToolAbsent ? 'absent' : 'failed', detail }
      }
    }
    return status
  }

  async #hasFrr(): Promise<boolean> {
    return this.#deps.frr.isThere().catch(() => false)
  }

  /** Of a state that was loaded before, the tables look as they did then: what somebody changed while it was loaded again is none of it. */
  async #prints(state: CheckedState) {
    const known = this.#printed?.state === state ? this.#printed.nftables : undefined
    const nftables = known ?? (await this.#printsOfTables(state))
    const isLoaded = this.#statuses.every(({ name, status }) => name !== 'nftables' || status === 'applied')
    this.#printed = isLoaded ? { state, nftables } : undefined
    return { nftables, frr: await this.#printOfFrr(state) }
  }

  async #printsOfTables({ vrfs }: CheckedState): Promise<Record<string, string>> {
    const nftables: Record<string, string> = {}
    for (const [vrf, room] of this.#deps.vrfs.roomsOf(vrfs)) nftables[vrf] = await fingerprintOfTable(room)
    return nftables
  }

  /** One that did not answer still runs what it was last told: that MUST be known until it has been told otherwise. */
  async #printOfFrr({ frr }: CheckedState): Promise<string> {
    if (this.#statuses.some(({ name, status }) => name === 'frr' && status !== 'applied'))
      return this.#deps.journal.prints().frr
    return frr === '' ? '' : this.#deps.frr.fingerprint()
  }

  async #step<T>(name: BackEndName, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      this.#statuses = [{ name, status: 'failed', detail }]
      throw new ApplyFailed(`${name}: ${detail}`, { cause: error })
    }
  }
}

/** VRFs that are still there, and wanted no more. */
function namesGone(there: readonly string[], { was, wanted }: { was: CheckedState; wanted: CheckedState }): string[] {
  const kept = new Set(wanted.vrfs.map(({ name }) => name))
  return was.vrfs.flatMap(({ name }) => (there.includes(name) && !kept.has(name) ? [name] : []))
}
