import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type {
  GetRoutingSummaryResponse,
  GetTopologyResponse,
  Node,
  PreviewPrefixAccessResponse,
} from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { hasApplied } from '../net/applied.ts'
import { artifactsOf } from '../net/artifacts.ts'
import type { NameOf } from '../net/kinds.ts'
import { namesIn } from '../net/names-in.ts'
import type { Canvas } from '../output.ts'
import { harmless, stateColour } from './paint.ts'
import { table } from './table.ts'
import { age, moment } from './time.ts'

type Compiled = { readonly warnings: readonly string[]; readonly whole: boolean }

/** Versions of all nodes; of one, its files as they are handed to the tools. */
export function compiledText(
  states: readonly NodeState[],
  { warnings, whole }: Compiled,
  { to, width }: Canvas,
  nameOf: NameOf,
): string {
  const warned = warnings.map((warning) => to.warn(`warning  ${harmless(namesIn(warning, nameOf))}`))
  const files = states.flatMap(artifactsOf)
  const body = whole
    ? files.map(({ file, text }) => `${to.bold(`# ${file}`)}\n${harmless(text).trimEnd()}`).join('\n\n')
    : table(
        states,
        [
          { title: 'NODE', text: ({ nodeInstanceId }) => nameOf(nodeInstanceId) },
          { title: 'VERSION', text: ({ version }) => version.slice(0, 16) },
        ],
        to,
        width,
      )
  return [states.length === 0 ? 'nothing is compiled: no node is in a network' : body, warned.join('\n')]
    .filter((part) => part !== '')
    .join('\n\n')
}

export function nodeTable(nodes: readonly Node[], { to, width, now }: Canvas, nameOf: NameOf): string {
  if (nodes.length === 0) return 'no node is in a network, and no agent has said anything'
  const state = (node: Node): string => {
    if (node.desiredVersion === '') return 'in no network'
    if (!node.report) return 'never heard'
    if (node.report.rolledBackVersion && node.report.rolledBackVersion === node.desiredVersion) return 'rolled back'
    if (node.report.backEnds.some(({ status }) => status === 'drifted')) return 'drifted'
    return hasApplied(node) ? 'applied' : 'behind'
  }
  const colours = {
    applied: to.good,
    behind: to.warn,
    drifted: to.warn,
    'rolled back': to.bad,
    'never heard': to.dim,
    'in no network': to.dim,
  }
  return table(
    nodes,
    [
      { title: 'NODE', text: ({ nodeInstanceId }) => nameOf(nodeInstanceId) },
      {
        title: 'STATE',
        text: state,
        colour: (node) => Object.entries(colours).find(([word]) => word === state(node))?.[1] ?? to.dim,
      },
      { title: 'WANTED', text: ({ desiredVersion }) => desiredVersion.slice(0, 12) || '-' },
      { title: 'APPLIED', text: ({ report }) => report?.appliedVersion.slice(0, 12) || '-' },
      { title: 'BGP', text: ({ report }) => sessions(report) },
      { title: 'HEARD', text: ({ reportedAt }) => age(reportedAt, now) },
      { title: 'WHY', text: ({ report }) => why(report) || '-' },
    ],
    to,
    width,
  )
}

function sessions(report: Node['report']): string {
  const all = report?.bgpSessions ?? []
  return all.length === 0 ? '-' : `${all.filter(({ state }) => state === 'Established').length}/${all.length}`
}

const why = (report: Node['report']): string =>
  [
    report?.rolledBackReason ?? '',
    ...(report?.backEnds ?? []).filter(({ status }) => status !== 'applied').map((end) => `${end.name} ${end.status}${end.detail && `: ${end.detail}`}`), // prettier-ignore
  ]
    .filter((part) => part !== '')
    .join('; ')

export function topologyText({ vertices, edges }: GetTopologyResponse, { to, width }: Canvas): string {
  if (vertices.length === 0) return 'nobody is in this network'
  const name = new Map(vertices.map((vertex) => [vertex.memberId, vertex.name || vertex.memberId]))
  const links = (id: string) =>
    edges.flatMap(({ from, to: end, kind }) => (from === id || end === id ? [`${name.get(from === id ? end : from) ?? '?'} (${kind})`] : [])) // prettier-ignore
  return table(
    vertices,
    [
      { title: 'MEMBER', text: (vertex) => vertex.name || vertex.memberId },
      { title: 'ROLE', text: ({ role }) => role },
      { title: 'ADDRESS', text: ({ address }) => address || '-' },
      { title: 'STATUS', text: ({ status }) => status || '-', colour: ({ status }) => stateColour(to, status) },
      { title: 'CONNECTED WITH', text: ({ memberId }) => links(memberId).join(', ') || '-' },
    ],
    to,
    width,
  )
}

export function routeTable(summary: GetRoutingSummaryResponse, { to, width }: Canvas, nameOf: NameOf): string {
  const { bgpRoutes, measuredAt } = summary
  if (bgpRoutes.length === 0) return 'no routes'
  const body = table(
    bgpRoutes,
    [
      { title: 'PREFIX', text: ({ prefix }) => prefix },
      { title: 'SOURCE', text: ({ source }) => namesIn(source, nameOf) },
      { title: 'NEXT HOP', text: ({ nextHop }) => nextHop || '-' },
      {
        title: 'IS THERE',
        text: ({ measured }) => (measured ? 'measured' : 'intended'),
        colour: ({ measured }) => (measured ? to.good : to.warn),
      },
      { title: 'AS PATH', text: ({ asPath }) => asPath || '-' },
      { title: 'NODES', text: ({ nodeInstanceIds }) => String(nodeInstanceIds.length) },
    ],
    to,
    width,
  )
  return `${body}\n\n${to.dim(measuredAt ? `measured ${moment(measuredAt)} UTC` : 'no agent has told its table')}`
}

export function previewText(preview: PreviewPrefixAccessResponse, { to }: Canvas, nameOf: NameOf): string {
  const { usable, overlaps } = preview
  return [
    ...usable.map((prefix) => `${to.good('usable')}    ${prefix}`),
    ...overlaps.map(({ prefix, withPrefix, with: owner }) => `${to.bad('overlaps')}  ${prefix} with ${withPrefix} (${namesIn(owner, nameOf)})`), // prettier-ignore
    ...(usable.length + overlaps.length === 0 ? ['the peer advertises nothing to us'] : []),
  ].join('\n')
}
