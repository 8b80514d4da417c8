import { isIPv4, isIPv6 } from 'node:net'
import type { TestOutcome } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import type { ExplainResponse, Hop } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { NameOf } from '../net/kinds.ts'
import { namesIn } from '../net/names-in.ts'
import type { Canvas } from '../output.ts'
import { harmless, type Paint } from './paint.ts'
import { sheet, table } from './table.ts'

export function testTable(tests: readonly TestOutcome[], { to, width, paste }: Canvas): string {
  if (tests.length === 0) return `no tests; write one: ${to.bold(paste('fedctl net test add <name> --src <place> --accept <service>'))}` // prettier-ignore
  return table(
    tests,
    [
      {
        title: 'TEST',
        text: ({ name }) => name,
      },
      {
        title: 'HOLDS',
        text: ({ passed }) => (passed ? 'yes' : 'no'),
        colour: ({ passed }) => (passed ? to.good : to.bad),
      },
      { title: 'WHY NOT', text: ({ failure }) => failure || '-' },
    ],
    to,
    width,
  )
}

/** What was asked, as it was typed. */
export type Asked = { readonly src: string; readonly dst: string; readonly protocol: string; readonly port: number }

/** The way of a packet, place by place: the verdict first, for whoever wants no more. */
export function explainedText(
  asked: Asked,
  { reachable, verdict, hops }: ExplainResponse,
  { to, paste }: Canvas,
  nameOf: NameOf,
): string {
  const { src, dst, protocol, port } = asked
  const head = sheet(
    [
      ['asked', `${src} → ${dst} ${protocol}${port > 0 ? `/${port}` : ''}`, to.bold],
      ['reached', reachable ? 'yes' : 'no', reachable ? to.good : to.bad],
      ['because', namesIn(verdict, nameOf)],
      ['next', reachable ? '' : paste(nextOf(asked, hops, nameOf))],
    ],
    to,
  )
  return [head, ...hops.map((hop, at) => hopText(hop, at + 1, to, nameOf))].join('\n\n')
}

/** What to type where it ends: the rule that is missing, the one that refuses, or which node has said nothing. */
function nextOf({ src, dst, protocol, port }: Asked, hops: readonly Hop[], nameOf: NameOf): string {
  const last = hops.at(-1)
  if (last?.note.includes('no key yet')) return 'fedctl net nodes'
  const rule = last?.rules.at(-1)
  if (!rule || rule.verdict === 'accept') return ''
  const [, network] = /^default (.+)$/.exec(rule.ruleId) ?? []
  if (network === undefined) return 'fedctl net firewall list'
  const ports = port > 0 ? ` --ports ${port}` : ''
  return `fedctl net firewall add ${nameOf(network)} <name> --action accept --src ${selected(src)} --dst ${selected(dst)} --protocol ${protocol}${ports}` // prettier-ignore
}

const selected = (place: string): string =>
  isIPv6(place) ? `cidr:${place}/128` : isIPv4(place) ? `cidr:${place}/32` : `member:${place}`

function hopText(hop: Hop, at: number, to: Paint, nameOf: NameOf): string {
  const { name, nodeInstanceId, inInterface, outInterface, route, routeSource, rules, note } = hop
  const through = [inInterface && `in by ${inInterface}`, outInterface && `out by ${outInterface}`].filter(Boolean)
  const facts = sheet(
    [
      ['through', through.join(', ')],
      ['route', [route, routeSource && `from ${namesIn(routeSource, nameOf)}`].filter(Boolean).join(' ')],
      ['rules', rules.map(({ chain, ruleName, ruleId, verdict }) => `${verdict}  ${namesIn(ruleName || ruleId || 'by default', nameOf)}  (${chain})`).join('\n')], // prettier-ignore
      ['note', note],
    ],
    to,
    '   ',
  )
  return `${to.bold(`${at}. ${harmless(name || nodeInstanceId)}`)}${facts === '' ? '' : `\n${facts}`}`
}
