import { join } from 'node:path'
import { MARK, type OvnChanges } from '../checked/ovn-plan.ts'
import type { Tools } from '../tools.ts'

/** How we show who we are at a database that asks for TLS; undefined: it is asked without. */
export type OvnAccess = { readonly tlsDir: string | undefined }

const ANSWERS_WITHIN_S = 20

/** A northbound database, brought to what it has to be. */
export class Ovn {
  readonly #tools: Tools
  readonly #access: OvnAccess

  constructor(tools: Tools, access: OvnAccess) {
    this.#tools = tools
    this.#access = access
  }

  /**
   * Everything in one run of ovn-nbctl, which is one transaction: all of it is there afterwards or nothing has changed. Removed is
   * what bears our mark and is wanted no more. A switch that somebody else made is never taken over.
   */
  async apply(changes: OvnChanges): Promise<void> {
    const there = await this.#look(changes)
    const foreign = there.foreignSwitches.filter((name) => changes.switches.includes(name))
    if (foreign.length > 0) throw new Error(`the switch ${foreign[0] ?? ''} is there and not ours`)
    const commands = [...removals(there, changes), ...changes.commands.map(unchecked)]
    if (commands.length === 0) return
    await this.#nbctl(changes, commands.flatMap((words) => ['--', ...words])) // prettier-ignore
  }

  /** What is not as it has to be; undefined when all is. */
  async drift(changes: OvnChanges): Promise<string | undefined> {
    const there = await this.#look(changes)
    const [surplus] = removals(there, changes)
    if (surplus) return `${surplus.join(' ').slice(0, 120)} would be needed`
    for (const kind of ['switches', 'ports', 'acls'] as const) {
      const missing = changes[kind].find((each) => !there[kind].includes(each))
      if (missing !== undefined) return `missing in ${kind}: ${missing.slice(0, 120)}`
    }
    return undefined
  }

  async #look(changes: OvnChanges): Promise<There> {
    const table = async (name: string, ...columns: string[]): Promise<Row[]> =>
      rowsOf(await this.#nbctl(changes, ['--format=json', `--columns=${columns.join(',')}`, 'list', name]))
    const switches = await table('Logical_Switch', 'name', 'external_ids', 'ports', 'acls')
    const ports = await table('Logical_Switch_Port', '_uuid', 'name', 'external_ids')
    const acls = await table('ACL', '_uuid', 'direction', 'priority', 'match', 'external_ids')
    const isOurs = (row: Row): boolean => mapOf(row['external_ids']).get(MARK) === changes.deploymentId
    const known = new Map([...ports, ...acls].filter(isOurs).map((row) => [uuidsOf(row['_uuid'])[0] ?? '', row]))
    const inside = (row: Row, column: 'ports' | 'acls', textOf: (one: Row) => string): string[] =>
      uuidsOf(row[column]).flatMap((id) => (known.has(id) ? [`${nameOf(row)}/${textOf(known.get(id) ?? {})}`] : []))
    return {
      switches: switches.filter(isOurs).map(nameOf),
      foreignSwitches: switches.filter((row) => !isOurs(row)).map(nameOf),
      ports: switches.flatMap((row) => inside(row, 'ports', nameOf)),
      acls: switches.flatMap((row) => inside(row, 'acls', (acl) => `${text(acl['direction'])}/${text(acl['priority'])}/${text(acl['match'])}`)), // prettier-ignore
    }
  }

  #nbctl({ endpoint }: OvnChanges, words: readonly string[]): Promise<string> {
    const { tlsDir } = this.#access
    const tls =
      tlsDir === undefined || !endpoint.startsWith('ssl:')
        ? []
        : [
            `--private-key=${join(tlsDir, 'key.pem')}`,
            `--certificate=${join(tlsDir, 'cert.pem')}`,
            `--ca-cert=${join(tlsDir, 'roots.pem')}`,
          ]
    const options = [`--db=${endpoint}`, `--timeout=${ANSWERS_WITHIN_S}`, '--no-leader-only', ...tls]
    return this.#tools.must('ovn-nbctl', [...options, ...words])
  }
}

/**
 * lsp-set-addresses refuses an address that another port had before the transaction, also when that port loses it in the same
 * one; the column itself can be set. Twice the same address in one plan is for its compiler to refuse.
 */
function unchecked(words: readonly string[]): readonly string[] {
  const [verb, port = '', at] = words
  return verb === 'lsp-set-addresses' ? ['set', 'Logical_Switch_Port', port, `addresses=${JSON.stringify(at)}`] : words
}

type There = {
  readonly switches: readonly string[]
  readonly foreignSwitches: readonly string[]
  readonly ports: readonly string[]
  readonly acls: readonly string[]
}

/** What bears our mark and is wanted no more: ACLs, ports, switches. What a switch takes along is not taken twice. */
function removals(there: There, wanted: OvnChanges): string[][] {
  const surplus = (kind: 'switches' | 'ports' | 'acls') => there[kind].filter((each) => !wanted[kind].includes(each))
  const stays = (each: string): boolean => wanted.switches.includes(each.split('/', 1)[0] ?? '') || !there.switches.includes(each.split('/', 1)[0] ?? '') // prettier-ignore
  return [
    ...surplus('acls')
      .filter(stays)
      .map((each) => {
        const [on = '', direction = '', priority = '', ...match] = each.split('/')
        return ['acl-del', on, direction, priority, match.join('/')]
      }),
    ...surplus('ports')
      .filter(stays)
      .map((each) => ['--if-exists', 'lsp-del', each.slice(each.indexOf('/') + 1)]),
    ...surplus('switches').map((name) => ['--if-exists', 'ls-del', name]),
  ]
}

type Row = Readonly<Record<string, unknown>>

/** ovs's table format: {"headings": […], "data": [[…], …]}. */
function rowsOf(json: string): Row[] {
  const { headings, data } = JSON.parse(json) as { headings: string[]; data: unknown[][] } // ovs-vsctl(8), --format=json
  return data.map((cells) => Object.fromEntries(cells.map((cell, index) => [headings[index] ?? '', cell])))
}

const text = (cell: unknown): string => (typeof cell === 'string' || typeof cell === 'number' ? String(cell) : '')
const nameOf = (row: Row): string => text(row['name'])

/** ["map", [[key, value], …]] (RFC 7047 §5.1). */
function mapOf(cell: unknown): ReadonlyMap<string, string> {
  const [kind, pairs] = Array.isArray(cell) ? (cell as [unknown, unknown]) : []
  return kind === 'map' && Array.isArray(pairs) ? new Map(pairs as [string, string][]) : new Map()
}

/** ["uuid", id], or ["set", [["uuid", id], …]] (RFC 7047 §5.1). */
function uuidsOf(cell: unknown): string[] {
  const [kind, value] = Array.isArray(cell) ? (cell as [unknown, unknown]) : []
  if (kind === 'uuid') return [text(value)]
  return kind === 'set' && Array.isArray(value) ? value.flatMap(uuidsOf) : []
}
