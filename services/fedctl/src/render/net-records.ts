import { stringify } from 'yaml'
import type { Difference } from '../net/difference.ts'
import type { Intent, IntentRecord } from '../net/intent.ts'
import { KINDS, type Fields, type Kind } from '../net/kinds.ts'
import { toPeople } from '../net/translate.ts'
import type { Canvas } from '../output.ts'
import { isRecord } from '../values.ts'
import { harmless } from './paint.ts'
import { sheet, table, type Column } from './table.ts'
import { textOf } from '../net/text-of.ts'

/** A record for a program: as the contract has it, and what it is called. */
export const plainRecord = (intent: Intent, { id, fields, version }: IntentRecord) => ({
  id,
  path: intent.nameOf(id),
  version,
  ...fields,
})

/** Of each kind, what a person wants to see at a glance, beside its name. */
const GLANCE: Readonly<Record<Kind, readonly string[]>> = {
  network: [
    'status',
    'cidr_64',
    'topology_strategy',
    'routing_protocol',
    'firewall_default_policy',
    'isolation',
    'tenant_key',
  ],
  member: ['status', 'assigned_address', 'publicly_reachable', 'endpoint', 'tags', 'lan_subnets'],
  virtual_ip: ['cidr', 'state', 'holder_members', 'failover_members', 'anycast'],
  firewall_rule: ['priority', 'action', 'src', 'dst', 'protocol', 'dst_ports', 'direction', 'disabled'],
  port_mapping: ['protocol', 'listen_port', 'target_member', 'target_virtual_ip', 'target_port', 'disabled'],
  route_policy: ['scope', 'direction', 'statements', 'disabled'],
  account_bgp: ['as_number', 'router_id_strategy', 'default_local_pref', 'default_route_policy', 'disabled'],
  route_leak: ['direction', 'state', 'prefix_filter'],
  prefix_access: ['network', 'gateway_members', 'advertise', 'accept', 'theirs', 'refused', 'disabled'],
  ovn_deployment: ['status', 'nb_db_endpoint', 'northd_node_instance_id'],
  ovn_switch: ['cidr', 'state', 'network'],
  ovn_port: ['kind', 'mac', 'addresses', 'state'],
  ovn_acl: ['direction', 'priority', 'action', 'match', 'state'],
  vrf_assignment: ['vrf_name', 'table_id', 'state'],
  test: ['src', 'accept', 'deny'],
}

export function recordTable(kind: Kind, records: readonly IntentRecord[], intent: Intent, canvas: Canvas): string {
  const { word } = KINDS[kind]
  if (records.length === 0) return `there is no ${word}`
  const rows = records.map((record) => ({ name: intent.nameOf(record.id), fields: shown(intent, record) }))
  const used = GLANCE[kind].filter((key) => rows.some(({ fields }) => text(fields[key]) !== ''))
  const column = (key: string): Column<(typeof rows)[number]> => ({
    title: TITLES[key] ?? key.replaceAll('_', ' ').toUpperCase(),
    text: ({ fields }) => text(fields[key]) || '-',
  })
  return table(
    rows,
    [{ title: word.toUpperCase(), text: ({ name }) => name }, ...used.map(column)],
    canvas.to,
    canvas.width,
  )
}

const TITLES: Readonly<Record<string, string>> = {
  cidr_64: 'PREFIX',
  topology_strategy: 'TOPOLOGY',
  routing_protocol: 'ROUTING',
  firewall_default_policy: 'DEFAULT',
  assigned_address: 'ADDRESS',
  publicly_reachable: 'HUB',
  lan_subnets: 'BEHIND IT',
  dst_ports: 'PORTS',
}

export function recordSheet(intent: Intent, record: IntentRecord, below: readonly string[], canvas: Canvas): string {
  const facts = Object.entries(shown(intent, record)).map(
    ([key, value]) => [key.replaceAll('_', ' '), lines(value)] as const,
  )
  return sheet(
    [
      [KINDS[record.kind].word, intent.nameOf(record.id), canvas.to.bold],
      ['id', record.id],
      ...facts,
      ['used by', below.join('\n')],
    ],
    canvas.to,
  )
}

/** What people write of it, and what only the service says. */
function shown(intent: Intent, record: IntentRecord): Fields {
  const { kind, fields } = record
  const served = Object.fromEntries((KINDS[kind].served ?? []).map((field) => [field, fields[field]]))
  const { remote, ...more } = served
  const { endpoint_host_v4: v4, endpoint_host_v6: v6, endpoint_port: port } = fields
  const places = [v6 === undefined ? undefined : `[${text(v6)}]:${text(port)}`, v4 === undefined ? undefined : `${text(v4)}:${text(port)}`] // prettier-ignore
  const theirs = isRecord(remote) ? { theirs: remote['advertised'], refused: remote['refused'] } : {}
  const endpoint = kind === 'member' ? { endpoint: places.filter((place) => place !== undefined) } : {}
  return { ...toPeople(kind, fields, { intent, network: intent.networkOf(record) }), ...more, ...theirs, ...endpoint }
}

function text(value: unknown): string {
  if (value === undefined || value === null || value === false || value === '') return ''
  if (value === true) return 'yes'
  if (Array.isArray(value)) return value.map(text).join(', ')
  if (isRecord(value)) return Object.entries(value).map(([key, inner]) => `${key} ${text(inner)}`).join(' ') // prettier-ignore
  return textOf(value)
}

const lines = (value: unknown): string =>
  Array.isArray(value) && value.some(isRecord) ? stringify(value).trimEnd() : text(value)

const SIGNS = { create: '+', change: '~', delete: '-' } as const

/** What a file would change, record by record and field by field. */
export function differenceLines(differences: readonly Difference[], { to }: Canvas): string {
  const colour = { create: to.good, change: to.warn, delete: to.bad }
  return differences
    .map(({ act, kind, path, fields }) =>
      [
        colour[act](`${SIGNS[act]} ${KINDS[kind].word} ${harmless(path)}`),
        ...fields.map((field) => `    ${harmless(field)}`),
      ].join('\n'),
    )
    .join('\n')
}

export const unchangedText = ({ to }: Canvas): string => to.good('nothing to change: all is as the file says')
