import { z } from 'zod'
import type { CheckedState } from '../checked/check-state.ts'
import { VRF } from '../checked/patterns.ts'
import type { Tools } from '../tools.ts'
import { ALIAS, linksOf } from './links.ts'
import { PROTOCOL } from './routes.ts'

/**
 * What a VRF is on this node: a device of the kernel with a table of its own, or, where the kernel has none, a network
 * namespace that FRR takes for one (`zebra -n`).
 */
export type VrfKind = 'kernel' | 'netns'

/**
 * The kernel asks the main table for what it does not find in that of a VRF: a tenant would leave by the node's own default route, and
 * come out in whatever else it is connected to. This ends the search, after every other route (Documentation/networking/vrf.rst).
 */
const END = ['unreachable', 'default', 'metric', '4278198272'] as const

const FAMILIES = ['-4', '-6'] as const
type Family = (typeof FAMILIES)[number]

const DEVICES = z.array(z.object({ linkinfo: z.object({ info_data: z.object({ table: z.number() }) }) }))

type VrfOf = CheckedState['vrfs'][number]

/** Where an interface of a VRF is: the tools that see it, and the table its routes go to. */
export type Room = { readonly tools: Tools; readonly table: number | undefined }

export class Vrfs {
  readonly #tools: Tools
  readonly #kind: VrfKind

  constructor(tools: Tools, kind: VrfKind) {
    this.#tools = tools
    this.#kind = kind
  }

  /** Whether a route of one can lead into another: of namespaces each has devices of its own. */
  get areJoined(): boolean {
    return this.#kind === 'kernel'
  }

  roomOf(vrfs: readonly VrfOf[], name: string | undefined): Room {
    const vrf = vrfs.find((each) => each.name === name)
    if (!vrf) return { tools: this.#tools, table: undefined }
    return this.#kind === 'netns'
      ? { tools: this.#tools.inside(vrf.name), table: undefined }
      : { tools: this.#tools, table: vrf.tableId }
  }

  /** Every room there is, by its VRF, that of none first: the firewall is the same in each. */
  roomsOf(vrfs: readonly VrfOf[]): ReadonlyMap<string, Tools> {
    const inside = this.#kind === 'netns' ? vrfs.map(({ name }) => [name, this.#tools.inside(name)] as const) : []
    return new Map([['', this.#tools], ...inside])
  }

  /** The key among the rooms of where an interface lives. */
  placeOf(vrfs: readonly VrfOf[], name: string | undefined): string {
    return this.#kind === 'netns' && vrfs.some((each) => each.name === name) ? (name ?? '') : ''
  }

  async make(vrfs: readonly VrfOf[]): Promise<void> {
    const there = await this.list()
    for (const { name, tableId } of vrfs.filter(({ name }) => !there.includes(name))) {
      if (this.#kind === 'netns') {
        await this.#tools.must('ip', ['netns', 'add', name])
        await this.#tools.inside(name).must('ip', ['link', 'set', 'dev', 'lo', 'up'])
      } else {
        // One of this name and table was made by us, who were interrupted before it bore our mark.
        if ((await this.#tableOf(name)) !== tableId)
          await this.#tools.must('ip', ['link', 'add', 'dev', name, 'type', 'vrf', 'table', String(tableId)])
        await this.#tools.must('ip', ['link', 'set', 'dev', name, 'alias', ALIAS, 'up'])
      }
    }
    for (const [family, table] of await this.#openTables(vrfs)) await this.#route(family, 'replace', table)
  }

  /** What is missing of them; undefined when all is there. */
  async drift(vrfs: readonly VrfOf[]): Promise<string | undefined> {
    const there = vrfs.length > 0 ? await this.list() : []
    const gone = vrfs.find(({ name }) => !there.includes(name))
    if (gone) return `${gone.name} is gone`
    const [open] = await this.#openTables(vrfs)
    return open && `table ${open[1]} has no end`
  }

  /** Puts an interface where it belongs. In a namespace it is made outside: what it carries goes through the outside. */
  async put(name: string, vrf: string): Promise<void> {
    const where = this.#kind === 'netns' ? ['netns', vrf] : ['master', vrf]
    await this.#tools.must('ip', ['link', 'set', 'dev', name, ...where])
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.#kind === 'netns') await this.#tools.must('ip', ['netns', 'del', name])
      else await this.#removeDevice(name)
    }
  }

  /**
   * A device takes along the routes that lead by it; that which leads nowhere is ours to take away. Before, since whoever is interrupted
   * finds what is left by the device.
   */
  async #removeDevice(name: string): Promise<void> {
    const table = await this.#tableOf(name)
    for (const family of FAMILIES) {
      if (table !== undefined && (await this.#isClosed(family, table))) await this.#route(family, 'del', table)
    }
    await this.#tools.must('ip', ['link', 'del', 'dev', name])
  }

  /** The table of a VRF's device; undefined: there is none of this name. */
  async #tableOf(name: string): Promise<number | undefined> {
    const { code, out } = await this.#tools.run('ip', ['-d', '-j', 'link', 'show', 'dev', name])
    return code === 0 ? DEVICES.parse(JSON.parse(out))[0]?.linkinfo.info_data.table : undefined
  }

  /** Tables of VRFs that lack their end, by family. */
  async #openTables(vrfs: readonly VrfOf[]): Promise<readonly (readonly [Family, number])[]> {
    const open: (readonly [Family, number])[] = []
    for (const { tableId } of this.#kind === 'kernel' ? vrfs : []) {
      for (const family of FAMILIES) if (!(await this.#isClosed(family, tableId))) open.push([family, tableId])
    }
    return open
  }

  /** A table that nothing was ever put into is not there, and an error. */
  async #isClosed(family: Family, table: number): Promise<boolean> {
    const { out } = await this.#tools.run('ip', [family, 'route', 'show', 'table', String(table), 'proto', PROTOCOL])
    return out.split('\n').some((line) => line.startsWith('unreachable default'))
  }

  async #route(family: Family, verb: 'replace' | 'del', table: number): Promise<void> {
    await this.#tools.must('ip', [family, 'route', verb, 'table', String(table), ...END, 'proto', PROTOCOL])
  }

  /** Names of VRFs on this machine that have the form of ours. */
  async list(): Promise<string[]> {
    if (this.#kind === 'kernel') {
      return (await linksOf(this.#tools)).flatMap(({ ifname, ifalias }) => VRF.test(ifname) && ifalias === ALIAS ? [ifname] : []) // prettier-ignore
    }
    const spaces = (await this.#tools.must('ip', ['netns', 'list'])).split('\n')
    return spaces.flatMap((line) => (VRF.test(line.split(' ')[0] ?? '') ? [line.split(' ')[0] ?? ''] : []))
  }
}
