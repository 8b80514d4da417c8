import { resolve } from 'node:path'
import { LineCounter, parseDocument, type Document } from 'yaml'
import { usage } from '../problem.ts'
import { read } from '../said.ts'
import type { Session } from '../session.ts'
import { isRecord } from '../values.ts'
import { KIND_NAMES, KINDS, type Fields, type Kind } from './kinds.ts'

/** A record as a file says it, under the record it is written in. */
export type SaidRecord = {
  readonly kind: Kind
  readonly said: Fields
  readonly above: SaidRecord | undefined
  /** networks[0].members[2], line 17: for those who have to mend it. */
  readonly where: string
}

/** In a file, what lies in what. A port mapping stands in its network, and says which member listens. */
const INSIDE: Readonly<Partial<Record<Kind, readonly Kind[]>>> = {
  network: ['member', 'virtual_ip', 'firewall_rule', 'port_mapping'],
  ovn_deployment: ['ovn_switch'],
  ovn_switch: ['ovn_port', 'ovn_acl'],
}
const NESTED = Object.values(INSIDE).flat()
/** VRF assignments are made by the service alone. */
const TOP = KIND_NAMES.filter((kind) => !NESTED.includes(kind) && kind !== 'vrf_assignment')
/** There is one of it, and so no list. */
const SINGLE: readonly Kind[] = ['account_bgp']

/** What is written in a record of this kind; of nothing, what stands at the top of a file. */
export const insideOf = (kind: Kind | undefined): readonly Kind[] => (kind ? (INSIDE[kind] ?? []) : TOP)
export const isSingle = (kind: Kind): boolean => SINGLE.includes(kind)

/** Reads a whole intent of YAML or JSON, - for stdin: records in the order of the file. */
export function readIntentFile({ env }: Session, file: string): SaidRecord[] {
  return parseIntent(file === '-' ? env.readInput() : read(resolve(env.cwd, file), file), file)
}

export function parseIntent(text: string, file: string): SaidRecord[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines }) // JSON is YAML too
  const [broken] = document.errors
  if (broken) throw usage(`${file} is neither JSON nor YAML: ${broken.message.split('\n')[0]?.replace(/:$/, '')}`)
  const tree: unknown = document.toJS()
  const lineOf = (path: readonly (string | number)[]) => lineAt(document, lines, path)
  if (tree === null || tree === undefined) return []
  if (!isRecord(tree)) throw usage(`${file} holds no intent`, `its sections are ${TOP.map(section).join(', ')}`)
  return recordsIn(tree, { file, above: undefined, path: [], lineOf })
}

type Place = {
  readonly file: string
  readonly above: SaidRecord | undefined
  readonly path: readonly (string | number)[]
  readonly lineOf: (path: readonly (string | number)[]) => string
}

/** Every record below a place, each before those inside it. */
function recordsIn(tree: Fields, place: Place): SaidRecord[] {
  const kinds = insideOf(place.above?.kind)
  if (!place.above) refuseStrangers(tree, kinds, place)
  return kinds.flatMap((kind) => {
    const found = tree[section(kind)]
    if (found === undefined || found === null) return []
    const path = [...place.path, section(kind)]
    const entries: readonly unknown[] = SINGLE.includes(kind) ? [found] : Array.isArray(found) ? found : []
    if (!Array.isArray(found) && !SINGLE.includes(kind)) throw wrong(place, path, 'is no list')
    return entries.flatMap((entry, at) => {
      const here = SINGLE.includes(kind) ? path : [...path, at]
      if (!isRecord(entry)) throw wrong(place, here, 'is no object')
      const sections = insideOf(kind).map(section)
      const said = Object.fromEntries(Object.entries(entry).filter(([key]) => !sections.includes(key)))
      const record = { kind, said, above: place.above, where: shown(place, here) }
      return [record, ...(sections.length > 0 ? recordsIn(entry, { ...place, above: record, path: here }) : [])]
    })
  })
}

function refuseStrangers(tree: Fields, kinds: readonly Kind[], place: Place): void {
  const stranger = Object.keys(tree).find((key) => !kinds.some((kind) => section(kind) === key))
  if (stranger === undefined) return
  throw wrong(place, [stranger], 'is no section', `the sections are ${kinds.map(section).join(', ')}`)
}

const section = (kind: Kind): string => KINDS[kind].section

const wrong = (place: Place, path: readonly (string | number)[], what: string, next?: string) =>
  usage(`${shown(place, path)} ${what}`, next)

function shown({ file, lineOf }: Place, path: readonly (string | number)[]): string {
  const dotted = path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at > 0 ? `.${part}` : part)).join('')
  return `${file}: ${dotted}${lineOf(path)}`
}

function lineAt(document: Document, lines: LineCounter, path: readonly (string | number)[]): string {
  const node: unknown = document.getIn(path, true)
  const range = isRecord(node) ? node['range'] : undefined
  return Array.isArray(range) ? `, line ${lines.linePos(Number(range[0])).line}` : ''
}
