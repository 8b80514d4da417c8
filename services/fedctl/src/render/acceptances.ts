import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { AcceptanceRun, AcceptanceStep } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import { harmlessLine, type Paint } from './paint.ts'
import { sheet, table } from './table.ts'
import { moment } from './time.ts'

export function acceptanceTable(
  runs: readonly AcceptanceRun[],
  { to, width }: Canvas,
  nameOf: (peerId: string) => string,
): string {
  if (runs.length === 0) return 'no invitation was taken up by the skill'
  return table(
    runs,
    [
      { title: 'ACCEPTANCE', text: ({ id }) => id },
      { title: 'PEER', text: ({ peerId }) => (peerId ? nameOf(peerId) : '-') },
      { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => colourOf(to, state) },
      {
        title: 'STEPS',
        text: ({ steps }) =>
          `${steps.filter(({ status }) => status === 'done' || status === 'skipped').length}/${steps.length}`,
      },
      { title: 'SINCE', text: ({ startedAt }) => moment(startedAt) },
      { title: 'BY', text: ({ requestedBy }) => requestedBy },
    ],
    to,
    width,
  )
}

/** One acceptance: what it brought in the words of the source documents, its steps, and what is left to do. */
export function acceptanceText(run: AcceptanceRun, { to, width, paste }: Canvas): string {
  const { nodeEnrollment } = run
  const head = sheet(
    [
      ['acceptance', run.id, to.bold],
      ['state', run.state, colourOf(to, run.state)],
      ['peer id', run.peerId],
      ['contract', run.contractVersionAgreed === 0 ? '' : `version ${run.contractVersionAgreed}`],
      ['trust', run.trustMode],
      ['node', nodeEnrollment ? words({ status: nodeEnrollment.status, reason: nodeEnrollment.reason }) : ''],
      ['overlay', words(run.sdwanAttach)],
      ['governance', findingsIn(run.governance)],
      ['failure', run.failure, to.bad],
      ['next', nextOf(run, paste)],
    ],
    to,
  )
  const warnings = run.warnings.map((warning) => to.warn(`warning  ${harmlessLine(warning)}`)).join('\n')
  return [head, stepTable(run.steps, to, width), warnings].filter((part) => part !== '').join('\n\n')
}

/** An acceptance that is under way goes on by itself; a rehearsal has no id to look it up by. */
function nextOf({ id, state, next }: AcceptanceRun, paste: Canvas['paste']): string {
  if (next) return paste(next)
  return state === 'running' && id ? paste(`fedctl acceptance show ${id}`) : ''
}

const stepTable = (steps: readonly AcceptanceStep[], to: Paint, width: number | undefined): string =>
  table(
    steps,
    [
      { title: 'STEP', text: ({ name }) => name },
      { title: '', text: ({ hard }) => (hard ? 'hard' : 'soft') },
      { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => colourOf(to, status) },
      { title: 'TRIED', text: ({ attempts }) => (attempts === 0 ? '-' : String(attempts)) },
      { title: 'DETAIL', text: ({ detail }) => detail || '-' },
    ],
    to,
    width,
  )

/** `status reason`, then whatever else there is. */
function words(said: JsonObject | undefined): string {
  const { status = '', reason = '', ...rest } = said ?? {}
  const more = Object.entries(rest).flatMap(([name, value]) => (value === '' ? [] : [`${name} ${text(value)}`]))
  return [[text(status), text(reason)].filter((part) => part !== '').join(': '), ...more]
    .filter((part) => part !== '')
    .join(', ')
}

function findingsIn(governance: JsonObject | undefined): string {
  if (!governance) return ''
  const { status = '', reason = '', peer_finding_count: count = 0 } = governance
  return [text(status), reason === '' ? `${text(count)} ${count === 1 ? 'finding' : 'findings'}` : text(reason)].join(
    ': ',
  )
}

const text = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value))

function colourOf(to: Paint, state: string): (text: string) => string {
  if (state === 'done') return to.good
  if (state === 'failed') return to.bad
  return state === 'skipped' || state === 'waiting' ? to.dim : to.warn
}
