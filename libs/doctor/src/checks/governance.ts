import type { AcceptanceRun } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { Finding } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { failed, ok, warning, type Side } from '../check.ts'

/** Beyond this the rest is counted: a list of its own shows all. */
const AT_MOST = 20

/** What the governance scan has found and nobody has acknowledged. */
export function findingChecks(findings: readonly Finding[] | undefined): Check[] {
  if (!findings) return []
  const open = findings.filter(({ closedAt, acknowledgedAt }) => !closedAt && !acknowledgedAt)
  const [low, grave] = [open.filter(isLow), open.filter((finding) => !isLow(finding))]
  const quiet = low.map(({ kind, message }) => ok('governance.hint', `${kind}: ${message}`)).slice(0, AT_MOST)
  if (grave.length === 0)
    return [ok('governance.findings', 'governance has found nothing that has to be mended'), ...quiet]
  const shown = grave.slice(0, AT_MOST).map(({ id, kind, message, remedy, severity, waitingOn }) =>
    warning('governance.findings', {
      symptom: 'finding_open',
      summary: `${kind} (${severity}): ${message}`,
      cause: '',
      side: sideOf(waitingOn),
      command: remedy || `fedctl finding ack ${id} --note '...'`,
    }),
  )
  const more = grave.length - shown.length
  return [...shown, ...(more > 0 ? [ok('governance.more', `and ${more} more: fedctl finding list`)] : []), ...quiet]
}

/** Worth a line, and nobody's trouble: a peer without a residency tag, for example. */
const isLow = ({ severity }: Finding): boolean => severity === 'low'

const sideOf = (word: string): Side => (word === 'us' || word === 'them' ? word : 'nobody')

/** What became of accepting: soft steps that are open do not undo it, and can be run again. */
export function acceptanceChecks(run: AcceptanceRun | null | undefined): Check[] {
  if (!run) return []
  if (run.state === 'failed')
    return [
      failed('governance.acceptance', {
        symptom: 'acceptance_failed',
        summary: `accepting failed at a step that must not fail: ${run.steps.find(({ status }) => status === 'failed')?.name ?? 'one that is not named'}`,
        cause: `${run.failure}; all of it: fedctl acceptance show ${run.id}`,
        side: 'us',
        command: run.next || `fedctl acceptance show ${run.id}`,
      }),
    ]
  if (run.state !== 'warned')
    return run.warnings.length > 0 ? [ok('governance.acceptance', `accepted; ${run.warnings.join('; ')}`)] : []
  const step = run.steps.find(({ hard, status }) => !hard && status === 'failed')
  return [
    warning('governance.acceptance', {
      symptom: 'acceptance_warned',
      summary: `accepted, with warnings: ${run.warnings.join('; ')}`,
      cause: step ? `${step.name}: ${step.detail}` : 'the peer is enrolled all the same',
      side: 'us',
      command: step ? `fedctl acceptance retry ${run.id} ${step.name}` : `fedctl acceptance show ${run.id}`,
    }),
  ]
}
