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

const AT_ONCE = 50
/** How soon the bell in the directory is heard. */
const LISTEN_MS = 100
const LOOK_MS = 500
/** How long until we look although nobody rang: the bell may be out of order. */
const SLOW_LOOK_MS = 30_000
const RETRY = { firstMs: 200, mostMs: 10_000 }

/**
 * Carries out what was approved for us, and reports what came of it, until `signal` aborts.
 *
 * Nothing is remembered: grant-authz lists what is approved and not reported, our table knows what was done. So a crash at
 * any point leaves at most a report to be repeated.
 */
export async function runApproved<DB>(deps: RunApprovedDeps<DB>, signal: AbortSignal): Promise<void> {
  const { logger, clock } = deps
  for (let failures = 0; !signal.aborted;) {
    try {
      const { approvals } = await deps.client.listApproved({ limit: AT_ONCE }, { signal })
      let left = 0
      for (const approval of approvals) if (!signal.aborted && !(await finish(deps, approval, signal))) left += 1
      failures = left > 0 ? failures + 1 : 0
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      logger.warn({ task: 'approved', error }, 'what was approved cannot be read; it is tried again')
    }
    if (failures > 0) await clock.sleep(backoffMs(failures, RETRY), signal)
    else await untilRung(deps, signal)
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

/** Whether the approval is off our hands: carried out or failed, and reported. */
async function finish<DB>(deps: RunApprovedDeps<DB>, approval: Approval, signal: AbortSignal): Promise<boolean> {
  const { client, directory, logger } = deps
  if (approval.autonomous && directory?.autonomy?.halted) return true // it is listed again when agents may act again
  const fields = { task: 'approved', approval_id: approval.id, action: approval.action, request_id: approval.requestId }
  try {
    const outcome = await outcomeOf(deps, approval, signal)
    if (outcome.outcome === 'trying') return false
    const { failureReason, failureMessage } = outcome
    const succeeded = outcome.outcome === 'executed'
    const report = { approvalId: approval.id, succeeded, failureReason, failureMessage }
    await client.reportExecution(report, { signal })
    logger.info({ ...fields, outcome: outcomeWord(outcome) }, 'approval carried out')
    return true
  } catch (error) {
    if (!signal.aborted) logger.warn({ ...fields, error }, 'what came of an approval could not be reported')
    return false
  }
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
