import { backoffMs } from '@powernode/clock'
import type { Logger, Metrics } from '@powernode/process'
import type { Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { isReason } from '@powernode/rpc'
import type { ApprovalClient } from './approval-client.ts'
import type { Directory } from './directory.ts'
import type { Outcome } from './executed.ts'
import { countFault, executeApproved, type ExecuteDeps } from './execute-approved.ts'

export type RunApprovedDeps<DB> = ExecuteDeps<DB> & {
  readonly client: ApprovalClient
  /** Says when to look. Without one we look all the time: right where looking costs next to nothing. */
  readonly directory?: Directory
  readonly logger: Logger
  readonly metrics: Metrics
}

const AT_ONCE = 100
/** How soon the bell in the directory is heard. */
const LISTEN_MS = 250
const LOOK_MS = 1_000
/** How long until we look although nobody rang: the bell may be out of order. */
const SLOW_LOOK_MS = 30_000
/** What is under way here is looked at so often, and so is whatever else was approved meanwhile. */
const UNDER_WAY_LOOK_MS = 1_000
const RETRY = { firstMs: 200, mostMs: 10_000 }

/** Off our hands: carried out or failed, and reported. Left: a fault, to be tried again with growing delay. */
type Finish = 'off' | 'under way' | 'left'

/**
 * Carries out what was approved for us, and reports what came of it, until `signal` aborts.
 *
 * Nothing is remembered: grant-authz lists what is approved and not reported, our table knows what was done. So a crash at
 * any point leaves at most a report to be repeated.
 */
export async function runApproved<DB>(deps: RunApprovedDeps<DB>, signal: AbortSignal): Promise<void> {
  const { logger, clock } = deps
  for (let [failures, underWay] = [0, false]; !signal.aborted;) {
    try {
      const came = new Set<Finish>()
      for await (const approval of everyApproved(deps, signal)) came.add(await finish(deps, approval, signal))
      failures = came.has('left') ? failures + 1 : 0
      underWay = came.has('under way')
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      logger.warn({ task: 'approved', error }, 'what was approved cannot be read; it is tried again')
    }
    if (failures > 0) await clock.sleep(backoffMs(failures, RETRY), signal)
    else if (underWay) await clock.sleep(UNDER_WAY_LOOK_MS, signal)
    else await untilRung(deps, signal)
  }
}

/** Page by page: what is under way stays on the list, and MUST not stand before what was approved after it. */
async function* everyApproved<DB>(
  { client }: Pick<RunApprovedDeps<DB>, 'client'>,
  signal: AbortSignal,
): AsyncGenerator<Approval> {
  for (let afterId = ''; ;) {
    const { approvals } = await client.listApproved({ limit: AT_ONCE, afterId }, { signal })
    for (const approval of approvals) if (!signal.aborted) yield approval
    const last = approvals.at(-1)
    if (!last || signal.aborted) return
    afterId = last.id
  }
}

async function untilRung<DB>(deps: RunApprovedDeps<DB>, signal: AbortSignal): Promise<void> {
  const { directory, owner, clock } = deps
  if (!directory) return clock.sleep(LOOK_MS, signal)
  for (let waitedMs = 0; waitedMs < SLOW_LOOK_MS && !signal.aborted; waitedMs += LISTEN_MS) {
    await clock.sleep(LISTEN_MS, signal)
    if (directory.approvedFor(owner) > 0) return
  }
}

async function finish<DB>(deps: RunApprovedDeps<DB>, approval: Approval, signal: AbortSignal): Promise<Finish> {
  const { client, directory, logger } = deps
  if (approval.autonomous && directory?.autonomy?.halted) return 'off' // it is listed again when agents may act again
  const fields = { task: 'approved', approval_id: approval.id, action: approval.action, request_id: approval.requestId }
  try {
    const done = await outcomeOf(deps, approval, signal)
    if (done.outcome === 'trying') return 'left'
    const outcome = await afterwards(deps, approval, done)
    if (outcome.outcome === 'trying') return 'under way'
    const { failureReason, failureMessage } = outcome
    const succeeded = outcome.outcome === 'executed'
    const report = { approvalId: approval.id, succeeded, failureReason, failureMessage }
    await client.reportExecution(report, { signal })
    logger.info({ ...fields, outcome: outcomeWord(outcome) }, 'approval carried out')
    return 'off'
  } catch (error) {
    if (!signal.aborted) logger.warn({ ...fields, error }, 'what came of an approval could not be reported')
    return 'left'
  }
}

/** Of an act whose most is done after the commit: what has come of it. Nothing is said of one that is under way. */
async function afterwards<DB>(
  { executors }: RunApprovedDeps<DB>,
  { id, action }: Approval,
  outcome: Outcome,
): Promise<Outcome> {
  const known = Object.hasOwn(executors, action) ? executors[action] : undefined
  const aftermath = outcome.outcome === 'executed' ? ((await known?.aftermath?.(id)) ?? 'done') : 'done'
  if (aftermath === 'done') return outcome
  if (aftermath === 'under way') return { ...outcome, outcome: 'trying' }
  const { reason: failureReason, message } = aftermath
  return { ...outcome, outcome: 'failed', failureReason, failureMessage: message.slice(0, 1_000) }
}

async function outcomeOf<DB>(deps: RunApprovedDeps<DB>, approval: Approval, signal: AbortSignal): Promise<Outcome> {
  const counted = deps.metrics.counter('fed_approvals_executed_total', 'Approved acts carried out', ['outcome'])
  try {
    const outcome = await executeApproved(deps, approval, signal)
    counted.inc({ outcome: outcomeWord(outcome) })
    return outcome
  } catch (error) {
    if (signal.aborted) throw error
    counted.inc({ outcome: 'fault' })
    const { id: approval_id, action, requestId: request_id } = approval
    deps.logger.error({ task: 'approved', approval_id, action, request_id, error }, 'an approved act ended in a fault')
    return countFault(deps, approval)
  }
}

const outcomeWord = ({ outcome, failureReason }: Outcome): string =>
  outcome === 'executed' ? 'ok' : isReason(failureReason) ? failureReason : 'fault'
