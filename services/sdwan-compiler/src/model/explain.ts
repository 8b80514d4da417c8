import { type Conversation, type Protocol, converse } from './converse.ts'
import type { Model } from './model.ts'
import { explainSwitch } from './ovn/explain-ovn.ts'
import { type NoPlace, type Place, placeOf } from './place.ts'
import type { Step, Way } from './way.ts'

export type Question = {
  readonly src: string
  readonly dst: string
  readonly protocol: Protocol
  readonly port: number
}

export type Explanation = {
  readonly reachable: boolean
  readonly hops: readonly Hop[]
  /** In a sentence: by which rule and route, or at which hop and why not. */
  readonly verdict: string
}

export type Hop = {
  readonly nodeId: string
  readonly name: string
  readonly inInterface: string
  readonly outInterface: string
  readonly route: string
  readonly routeSource: string
  readonly rules: readonly { chain: string; ruleId: string; ruleName: string; verdict: string }[]
  readonly note: string
}

/** Can src reach dst, hop by hop, by which rules and which routes? Answered from what was compiled, and from nothing else. */
export function explain(model: Model, question: Question): Explanation | NoPlace {
  const [src, dst] = [placeOf(model, question.src), placeOf(model, question.dst)]
  if ('unknown' in src) return src
  if ('unknown' in dst) return dst
  return explainPlaces(model, { src, dst, protocol: question.protocol, port: question.port })
}

export function explainPlaces(
  model: Model,
  { src, dst, protocol, port }: { src: Place; dst: Place; protocol: Protocol; port: number },
): Explanation {
  if (src.port && dst.port && src.port.on === dst.port.on) return onSwitch({ src, dst, protocol, port })
  if (src.ip.family !== dst.ip.family) return { reachable: false, hops: [], verdict: 'one is IPv4 and the other IPv6' }
  const conversation = converse(model, src, dst.ip, { protocol, port })
  return {
    reachable: conversation.works,
    hops: conversation.there.steps.map((step) => hopOf(model, step)),
    verdict: verdictOf(
      model,
      conversation,
      `${src.name} ${conversation.works ? 'reaches' : 'does not reach'} ${dst.name}`,
    ),
  }
}

function hopOf(model: Model, step: Step): Hop {
  const { rules, ...rest } = step
  return {
    ...rest,
    name: nameOf(model, step.nodeId),
    rules: rules.map(({ chain, rule = '', verdict }) => ({
      chain,
      ruleId: rule,
      ruleName: ruleName(model, rule),
      verdict,
    })),
  }
}

function verdictOf(model: Model, { there, back, works }: Conversation, what: string): string {
  const [way, whose] = there.at ? [back, 'the answer: '] : [there, '']
  if (!works) return `${what}: ${whose}${way ? endOf(model, way) : 'nothing comes back'}.`
  const by = there.steps.flatMap(({ rules }) => rules).findLast(({ rule }) => rule !== undefined)
  const route = there.steps.find((step) => step.outInterface !== '')
  const rule = by ? ` by rule ${ruleName(model, by.rule ?? '') || by.rule}` : ''
  return `${what}${rule}${route ? ` over ${route.route} (${route.routeSource})` : ''}.`
}

function endOf(model: Model, way: Way): string {
  const at = way.steps.at(-1)
  if (way.at) return 'it does not come back to where the question came from'
  return at ? `${spokenBy(model, way.end, at.rules.at(-1))}, at ${nameOf(model, at.nodeId)}` : way.end
}

/** Who refused, in words: scripts know rules and networks by their ids only. */
function spokenBy(model: Model, end: string, last: Step['rules'][number] | undefined): string {
  const name = last?.rule === undefined ? '' : ruleName(model, last.rule)
  if (!last || name === '') return end
  return end.replace(`rule ${last.rule} in ${last.chain}`, isOwn(last.rule) ? `the ${name}` : `rule ${name}`)
}

/** A line that follows from no rule: of a network's default, at a border, or before all rules. */
const isOwn = (rule = ''): boolean => LINES_OF_OURS.test(rule)

const LINES_OF_OURS = /^(default|crossing|outside|foreign|elsewhere|spoofed) (.+)$/

function nameOf(model: Model, nodeId: string): string {
  return model.membersOf(nodeId)[0]?.name ?? nodeId
}

function ruleName(model: Model, id: string): string {
  const { rules, portMappings, networks } = model.compiled.world
  const [, own = '', of = ''] = LINES_OF_OURS.exec(id) ?? []
  if (own === 'crossing') return `border to ${of}`
  const network = networks.find((each) => each.id === of)?.slug ?? of
  if (own === 'default') return `default of ${network}`
  if (own === 'outside') return `guard of ${network} against what comes from outside`
  if (own === 'foreign') return `guard of ${network} against other networks of the node`
  if (own === 'elsewhere') return `guard of the node against ${network} where it has nothing`
  if (own === 'spoofed') return `guard of ${network} against sources that are not the sender's`
  const mapping = portMappings.find((each) => each.id === id)
  return rules.find((rule) => rule.id === id)?.name ?? (mapping ? `port ${mapping.listenPort}` : '')
}

/** Two ports of one logical switch: OVN's ACLs stand between them, and nothing else of ours. */
function onSwitch({
  src,
  dst,
  protocol,
  port,
}: {
  src: Place
  dst: Place
  protocol: Protocol
  port: number
}): Explanation {
  const [one, other] = [src.port, dst.port]
  if (!one || !other) return { reachable: false, hops: [], verdict: 'one of them is at no logical switch' }
  const kind = protocol === 'icmp6' ? 'icmp' : protocol
  const ports = { inport: one.port.name, outport: other.port.name }
  const answer = explainSwitch(one.on, { ...ports, src: src.ip, dst: dst.ip, kind, dport: port })
  const rules = answer.decided.flatMap(({ direction, acl }) =>
    acl ? [{ chain: direction, ruleId: '', ruleName: acl.name, verdict: acl.action }] : [],
  )
  const hop: Hop = {
    nodeId: '',
    name: one.on.name,
    inInterface: one.port.name,
    outInterface: other.port.name,
    route: '',
    routeSource: '',
    rules,
    note: answer.reason,
  }
  const what = `${src.name} ${answer.passes ? 'reaches' : 'does not reach'} ${dst.name}`
  return { reachable: answer.passes, hops: [hop], verdict: `${what}: ${answer.reason}.` }
}
