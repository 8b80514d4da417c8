import type { ChangePlan, NodeTouch, ReachabilityChange } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import type { NameOf } from '../net/kinds.ts'
import { namesIn } from '../net/names-in.ts'
import type { Canvas } from '../output.ts'
import { harmless, type Paint } from './paint.ts'
import { table } from './table.ts'
import { plural } from './words.ts'

const AT_MOST = 20

/** What a change of the network does: records, nodes, who can reach whom from then on, and whether the tests hold. */
export function planText(plan: ChangePlan, { to, width, paste }: Canvas, nameOf: NameOf = (id) => id): string {
  const parts = [
    list('changes', plan.changes.map(harmless), to),
    plan.nodes.length > 0
      ? `${to.bold(plural(plan.nodes.length, 'node'))} ${to.dim(plan.nodes.length === 1 ? 'receives something new' : 'receive something new')}\n${indent(nodes(plan.nodes, to, width))}`
      : to.dim('no node receives anything new'),
    reachability('can reach from then on', plan.gained, plan.gainedTotal, to.good),
    reachability('can reach no more', plan.lost, plan.lostTotal, to.warn),
    testsText(plan, to),
    plan.warnings.map((warning) => to.warn(`warning  ${harmless(paste(namesIn(warning, nameOf)))}`)).join('\n'),
    [
      plan.actions.length > 0 ? `${to.dim('under the policies of')}  ${plan.actions.map(harmless).join(', ')}` : '',
      plan.sha256 ? `${to.dim('plan')}  ${harmless(plan.sha256)}` : '',
    ]
      .filter(Boolean)
      .join('\n'),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function nodes(touched: readonly NodeTouch[], to: Paint, width: number | undefined): string {
  const shown = table(
    touched.slice(0, AT_MOST),
    [
      { title: 'NODE', text: ({ name, nodeInstanceId }) => name || nodeInstanceId },
      { title: 'WHAT', text: ({ artifacts }) => artifacts.join(', ') || '-' },
      { title: 'BYTES', text: ({ bytesBefore, bytesAfter }) => `${bytesBefore} → ${bytesAfter}` },
    ],
    to,
    width,
  )
  return touched.length > AT_MOST ? `${shown}\n… and ${touched.length - AT_MOST} more` : shown
}

function reachability(
  title: string,
  changes: readonly ReachabilityChange[],
  total: bigint,
  colour: (text: string) => string,
): string {
  if (total === 0n) return ''
  const lines = changes.slice(0, AT_MOST).map(({ src, dst, service, reason }) => {
    const why = reason ? `  (${harmless(reason)})` : ''
    return `  ${colour(`${harmless(src)} → ${harmless(dst)} ${harmless(service)}`)}${why}`
  })
  const more = Number(total) - lines.length
  return [`${plural(Number(total), 'pair')} ${title}`, ...lines, ...(more > 0 ? [`  … and ${more} more`] : [])].join(
    '\n',
  )
}

export function testsText({ tests }: Pick<ChangePlan, 'tests'>, to: Paint): string {
  if (tests.length === 0) return ''
  const failed = tests.filter(({ passed }) => !passed)
  const head = failed.length === 0 ? to.good(`${plural(tests.length, 'test')} ${tests.length === 1 ? 'holds' : 'hold'}`) : to.bad(`${failed.length} of ${plural(tests.length, 'test')} fail`) // prettier-ignore
  return [head, ...failed.map(({ name, failure }) => `  ${to.bad(harmless(name))}  ${harmless(failure)}`)].join('\n')
}

const list = (title: string, lines: readonly string[], to: Paint): string =>
  lines.length === 0 ? '' : [to.bold(title), ...lines.map((line) => `  ${line}`)].join('\n')

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
