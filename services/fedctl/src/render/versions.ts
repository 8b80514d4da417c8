import type { Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import type {
  Compatibility,
  SimulateVersionResponse,
  VersionRule,
} from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { enforcementText } from './durations.ts'
import { harmlessLine, type Paint } from './paint.ts'
import { table, type Column } from './table.ts'
import { age } from './time.ts'
import { plural } from './words.ts'

/** A peer's standing, and what the peer says of the same pair. */
export type Standing = Compatibility & { readonly statusThere: string }

// oxlint-disable-next-line max-params -- the rows, what we are of, and how both are shown
export function compatibilityTable(rows: readonly Standing[], local: string, canvas: Canvas, name: NamePeers): string {
  const ours = `we are of version ${local}`
  if (rows.length === 0) return `${ours}, and have no peers`
  const { to, width } = canvas
  const columns: Column<Standing>[] = [
    ...standing<Standing>(to, name),
    { title: 'THEY SAY', text: ({ statusThere }) => statusThere || '-' },
    { title: 'REFUSED', text: refused },
    { title: 'BY', text: ({ source }) => source || '-' },
    { title: 'WHY', text: ({ notes }) => notes || '-' },
  ]
  return `${ours}\n\n${table(rows, columns, to, width)}`
}

export function versionRulesText(rules: readonly VersionRule[], local: string, { to, now, width }: Canvas): string {
  const head = `we are of version ${local}; where no rule fits, the same major version and one minor apart work together`
  if (rules.length === 0) return `${head}\n\nno rules`
  const columns: Column<VersionRule>[] = [
    { title: 'OURS', text: ({ localVersion }) => localVersion },
    { title: 'THEIRS', text: ({ remoteVersion }) => remoteVersion },
    { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => statusColour(to, status) },
    { title: 'REFUSED', text: refused },
    { title: 'BY', text: ({ source }) => source },
    { title: 'SET', text: ({ setAt, setBy }) => `${age(setAt, now)} ago by ${setBy}` },
    { title: 'RULE', text: ({ id }) => id },
    { title: 'NOTES', text: ({ notes }) => notes || '-' },
  ]
  return `${head}\n\n${table(rules, columns, to, width)}`
}

type Ruled = {
  readonly rule?: VersionRule
  readonly changed: readonly Compatibility[]
  readonly enforcement?: Enforcement | undefined
}

/** A rule, and who stands otherwise by it. */
export function ruledText({ rule, changed, enforcement }: Ruled, canvas: Canvas, name: NamePeers): string {
  const said = rule && `${rule.localVersion} here and ${rule.remoteVersion} there are ${rule.status}  (rule ${rule.id})`
  const whom = changed.length > 0 ? changeTable(changed, canvas, name) : 'no peer stands otherwise by it'
  return [said, whom, enforcementText(enforcement)].filter(Boolean).join('\n\n')
}

/** What a rule would take from how many, in a question. */
export function worseWords({
  worse,
  changed,
}: {
  readonly worse: number
  readonly changed: readonly Compatibility[]
}): string {
  const lost = changed.filter(({ status, statusBefore }) => status === 'incompatible' && statusBefore !== status).length
  const cut = lost > 0 ? `, ${lost} of them cut off but for heartbeats` : ''
  return `${plural(worse, 'peer')} would stand worse${cut}`
}

export function simulationText(
  { compatibilities, advice, worse, better, unchanged, localVersion }: SimulateVersionResponse,
  version: string,
  canvas: Canvas,
  name: NamePeers,
): string {
  const { to, paste } = canvas
  const head = `${localVersion} to ${version}: ${plural(worse, 'peer')} worse, ${better} better, ${unchanged} as now`
  const say = worse > 0 ? to.warn : to.good
  const rows = compatibilities.length > 0 ? changeTable(compatibilities, canvas, name) : ''
  return [say(head), rows, advice.map((line) => paste(harmlessLine(line))).join('\n')].filter(Boolean).join('\n\n')
}

const changeTable = (rows: readonly Compatibility[], { to, width }: Canvas, name: NamePeers): string =>
  table(
    rows,
    [
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'THEIRS', text: ({ remoteVersion }) => remoteVersion || 'not said' },
      { title: 'NOW', text: ({ statusBefore }) => statusBefore || '-' },
      { title: 'THEN', text: ({ status }) => status || '-', colour: ({ status }) => statusColour(to, status) },
      { title: 'REFUSED', text: refused },
      { title: 'BY', text: ({ source }) => source || '-' },
      { title: 'WHY', text: ({ notes }) => notes || '-' },
    ],
    to,
    width,
  )

const standing = <Row extends Compatibility>(to: Paint, name: NamePeers): Column<Row>[] => [
  { title: 'PEER', text: ({ peerId }) => name(peerId) },
  { title: 'THEIRS', text: ({ remoteVersion }) => remoteVersion || 'not said' },
  { title: 'STATUS', text: ({ status }) => status || '-', colour: ({ status }) => statusColour(to, status) },
]

function refused({
  status,
  refusedKinds,
}: {
  readonly status: string
  readonly refusedKinds: readonly string[]
}): string {
  if (status === 'incompatible') return 'all but heartbeats and statements'
  if (status !== 'degraded') return '-'
  return refusedKinds.length > 0 ? refusedKinds.join(',') : 'all that writes'
}

const COLOURS: Readonly<Record<string, (to: Paint) => (text: string) => string>> = {
  compatible: (to) => to.good,
  degraded: (to) => to.warn,
  incompatible: (to) => to.bad,
}
const statusColour = (to: Paint, status: string): ((text: string) => string) =>
  COLOURS[status]?.(to) ?? ((text) => text)
