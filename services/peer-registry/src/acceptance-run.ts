import { Refusal } from '@powernode/rpc'
import type { ContractWindow } from './contract.ts'

/** The steps of the skill, in the order of the source documents; a hard one that fails ends the run, a soft one warns. */
export const ACCEPTANCE_STEPS = [
  { name: 'verify_contract_version', hard: true },
  { name: 'locate_peer', hard: true },
  { name: 'accept', hard: true },
  { name: 'enroll', hard: true },
  { name: 'operator_grant', hard: true },
  { name: 'node_enrollment', hard: true },
  { name: 'sdwan_attach', hard: false },
  { name: 'governance_scan', hard: false },
] as const
export type AcceptanceStepName = (typeof ACCEPTANCE_STEPS)[number]['name']

export type AcceptanceState = 'running' | 'done' | 'warned' | 'failed'
export type StepStatus = 'waiting' | 'running' | 'done' | 'skipped' | 'failed'

export type AcceptanceStep = {
  readonly name: AcceptanceStepName
  readonly hard: boolean
  readonly status: StepStatus
  readonly detail: string
  readonly attempts: number
  /** ISO 8601: steps rest as JSON. */
  readonly finishedAt: string | null
}

/** What a step brings beside its status. It MUST NOT hold a secret. */
export type Brought = {
  readonly nodeEnrollment?: NodeEnrollmentBrought
  readonly sdwanAttach?: Readonly<Record<string, string>>
  readonly governance?: GovernanceBrought
  readonly contractVersionAgreed?: number
}

export type NodeEnrollmentBrought = {
  readonly status: 'issued' | 'skipped' | 'failed'
  readonly reason: string
  readonly intendedSubject: string
  readonly expiresAt: string | null
}

export type GovernanceBrought = {
  readonly status: 'scanned' | 'error'
  readonly reason?: string
  readonly findings: readonly { readonly kind: string; readonly severity: string; readonly message: string }[]
  readonly unread: readonly string[]
}

/** Where the step sdwan_attach goes, as it was asked for; null: nowhere but to where the peer is met already. */
export type AttachTo = { readonly networkId: string | null; readonly nodeInstanceId: string | null }

export type AcceptanceRun = {
  readonly id: string
  readonly state: AcceptanceState
  readonly requestedBy: string
  readonly correlationId: string
  readonly traceparent: string
  /** RunAcceptanceRequest without the token. */
  readonly request: Buffer
  /** The invitation, sealed, until the errand that redeems it has it. */
  readonly tokenSealed: Buffer | null
  readonly peerId: string | null
  readonly contractVersionAgreed: number
  readonly steps: readonly AcceptanceStep[]
  readonly nodeEnrollment: NodeEnrollmentBrought | null
  readonly attachTo: AttachTo
  readonly sdwanAttach: Readonly<Record<string, string>> | null
  readonly governance: GovernanceBrought | null
  readonly failureReason: string
  readonly failureMessage: string
  readonly next: string
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly dueAt: Date
}

/** How a step went. `not yet`: it is looked at again after so long. `passing`: what failed may be well the next time. */
export type StepOutcome =
  | { readonly status: 'done' | 'skipped'; readonly detail: string; readonly brought?: Brought }
  | { readonly status: 'not yet'; readonly detail: string; readonly afterMs: number }
  | { readonly status: 'failed' | 'passing'; readonly reason: string; readonly message: string; readonly next?: string }

/** So often what passes is tried: a person waits for a soft step, and nothing else hangs on it. */
const MOST_TRIES = { hard: 20, soft: 3 } as const
const RETRY_MS = { first: 500, most: 60_000 }

export const UNBEGUN: readonly AcceptanceStep[] = ACCEPTANCE_STEPS.map(({ name, hard }) => ({
  name,
  hard,
  status: 'waiting',
  detail: '',
  attempts: 0,
  finishedAt: null,
}))

/** The step to be done next; undefined when nothing is left to do. */
export const nextStep = ({ state, steps }: AcceptanceRun): AcceptanceStep | undefined =>
  state === 'running' ? steps.find(({ status }) => status === 'waiting' || status === 'running') : undefined

/** The run while a step is being done, so that it shows. */
export const begunStep = (run: AcceptanceRun, name: AcceptanceStepName, until: Date): AcceptanceRun => ({
  ...withStep(run, name, (step) => ({ ...step, status: 'running' })),
  dueAt: until,
})

/** The run after a step went so. A total function: every outcome leads on, or to an end. */
// oxlint-disable-next-line max-params -- the run, which step of it, how that went, and when
export function afterStep(run: AcceptanceRun, name: AcceptanceStepName, outcome: StepOutcome, at: Date): AcceptanceRun {
  if (outcome.status === 'not yet') {
    const waiting = withStep(run, name, (step) => ({ ...step, status: 'running', detail: outcome.detail }))
    return { ...waiting, dueAt: later(at, outcome.afterMs) }
  }
  const step = run.steps.find((one) => one.name === name)
  const attempts = (step?.attempts ?? 0) + 1
  const finishedAt = at.toISOString()
  if (!('reason' in outcome)) {
    const { status, detail, brought } = outcome
    const moved = withStep(run, name, (one) => ({ ...one, status, detail, attempts, finishedAt }))
    return finishedIfOver({ ...moved, ...brought, dueAt: at }, at)
  }
  const detail = `${outcome.reason}: ${outcome.message}`
  const most = step?.hard ? MOST_TRIES.hard : MOST_TRIES.soft
  if (outcome.status === 'passing' && attempts % most !== 0) {
    const again = withStep(run, name, (one) => ({ ...one, status: 'running', detail, attempts }))
    return { ...again, dueAt: later(at, Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** ((attempts % most) - 1))) }
  }
  const moved = withStep(run, name, (one) => ({ ...one, status: 'failed', detail, attempts, finishedAt }))
  return step?.hard ? failed(moved, outcome, at) : finishedIfOver({ ...moved, ...errorOf(name, detail), dueAt: at }, at)
}

/** Which network and node metadata name, in the words of the source documents. */
export function attachToIn(metadata: Readonly<Record<string, unknown>>): AttachTo {
  const wordAt = (key: string): string | null => {
    const said = metadata[key]
    return typeof said === 'string' && said !== '' ? said : null
  }
  return { networkId: wordAt('sdwan_network_id'), nodeInstanceId: wordAt('node_instance_id') }
}

/** One soft step is to be done again. */
export function withStepAgain(run: AcceptanceRun, name: string, at: Date): AcceptanceRun {
  const step = run.steps.find((one) => one.name === name)
  if (!step || step.hard)
    throw new Refusal('ACCEPTANCE_STATE_FORBIDS', `${name} is no soft step: only those can be run again`)
  if (run.state === 'running' && (step.status === 'waiting' || step.status === 'running')) return run
  if (run.state !== 'done' && run.state !== 'warned')
    throw new Refusal(
      'ACCEPTANCE_STATE_FORBIDS',
      run.state === 'failed' ? 'the acceptance has failed: there is nothing to go on with' : 'it is still under way',
      { metadata: { state: run.state }, next: `fedctl acceptance show ${run.id}` },
    )
  const again = withStep(run, step.name, (one) => ({ ...one, status: 'waiting', detail: '', finishedAt: null }))
  return { ...again, state: 'running', finishedAt: null, next: '', dueAt: at }
}

/** What an operator should know although nothing failed hard. */
export function warningsOf({ steps, governance }: AcceptanceRun): string[] {
  const soft = steps
    .filter(({ hard, status }) => !hard && (status === 'failed' || status === 'skipped'))
    .map(({ name, status, detail }) => `${name} ${status}: ${detail}`)
  const grave = (governance?.findings ?? [])
    .filter(({ severity }) => severity === 'critical' || severity === 'high')
    .map(({ kind, message }) => `governance[${kind}]: ${message}`)
  const unread = (governance?.unread ?? []).map((service) => `governance: ${service} did not answer`)
  return [...soft, ...grave, ...unread]
}

/** What whoever runs the skill says they speak MUST be a version that we speak, and the inviter too. */
export function checkContractVersion(version: number, ours: ContractWindow, theirs: ContractWindow | undefined): void {
  const supported = Array.from({ length: ours.max - ours.min + 1 }, (_, at) => ours.min + at).filter(
    (one) => theirs === undefined || (one >= theirs.min && one <= theirs.max),
  )
  if (supported.includes(version)) return
  throw new Refusal(
    'CONTRACT_VERSION_UNSUPPORTED',
    `Unsupported contract_version ${version}; supported: [${supported.join(', ')}]`,
    { metadata: { contract_version: String(version), supported: supported.join(',') } },
  )
}

// oxlint-disable-next-line max-params -- as its callers have it
const withStep = (
  run: AcceptanceRun,
  name: AcceptanceStepName,
  change: (step: AcceptanceStep) => AcceptanceStep,
): AcceptanceRun => ({ ...run, steps: run.steps.map((step) => (step.name === name ? change(step) : step)) })

const failed = (
  run: AcceptanceRun,
  no: { reason: string; message: string; next?: string },
  at: Date,
): AcceptanceRun => ({
  ...run,
  state: 'failed',
  tokenSealed: null,
  failureReason: no.reason,
  failureMessage: no.message,
  next: no.next ?? (run.peerId ? `fedctl peer show ${run.peerId}` : ''),
  finishedAt: at,
})

function finishedIfOver(run: AcceptanceRun, at: Date): AcceptanceRun {
  if (nextStep(run)) return run
  const open = run.steps.find(({ status }) => status === 'failed')
  return {
    ...run,
    state: open ? 'warned' : 'done',
    finishedAt: at,
    next: open ? `fedctl acceptance retry ${run.id} ${open.name}` : '',
  }
}

const errorOf = (name: AcceptanceStepName, reason: string): Brought =>
  name === 'sdwan_attach'
    ? { sdwanAttach: { status: 'error', reason } }
    : name === 'governance_scan'
      ? { governance: { status: 'error', reason, findings: [], unread: [] } }
      : {}

const later = (at: Date, ms: number): Date => new Date(at.getTime() + ms)
