import { Command } from '@commander-js/extra-typings'
import type { Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { plainApproval, plainPlan } from '../approval-plan.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { dryRun, reason, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { Problem, usage } from '../problem.ts'
import { approvalSheet } from '../render/approvals.ts'
import { harmless } from '../render/paint.ts'
import type { Session } from '../session.ts'
import { isWaiting, until, type Verdict } from '../wait.ts'
import { present, written } from '../written.ts'

/** What is approved is what was seen: the hash of the plan goes with the vote. */
export const approvalApprove = (run: Run) =>
  new Command('approve')
    .description('say yes to what waits; with --wait until it was carried out')
    .argument('<approval>', 'its id (see: fedctl approval list)')
    .option('--plan <sha256>', 'the plan as you saw it (see: fedctl approval show); else you are asked about it now')
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, approvalId, options) => {
        const before = await look(session, approvalId)
        if (options.plan === undefined && !options.dryRun) {
          const effects = before.effects.map((effect) => `\n  - ${effect}`).join('')
          await session.confirm(
            harmless(`${before.summary}, asked for by ${before.requestedBy}.${effects}\nApprove it?`),
          )
        }
        const answer = await session.clients.approvals.approve({
          approvalId,
          planSha256: options.plan === undefined ? before.planSha256 : digest(options.plan),
          reason: options.reason,
          dryRun: options.dryRun === true,
        })
        const after = present(answer.approval, 'an approval')
        const shown =
          isWaiting(options.wait) && !options.dryRun ? await untilExecuted(session, approvalId, options.wait) : after
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { approval: plainApproval(shown) },
          text: (canvas) => approvalSheet(shown, plainPlan(shown), canvas, name),
        })
      }),
    )

function digest(text: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  throw usage('that is no SHA-256 of a plan', 'fedctl approval show <approval> prints it')
}

async function untilExecuted(session: Session, approvalId: string, ms: number): Promise<Approval> {
  return until(session, {
    ms,
    look: () => look(session, approvalId),
    judge,
    missing: ({ state }) => ({ message: `it was still ${state}`, next: `fedctl approval show ${approvalId}` }),
  })
}

function judge({ id, state, failureReason, failureMessage }: Approval): Verdict {
  if (state === 'executed') return 'done'
  if (state === 'pending' || state === 'approved') return 'not yet'
  return new Problem({
    reason: failureReason || 'APPROVAL_OVER',
    message: failureMessage || `it is ${state}`,
    next: `fedctl approval show ${id}`,
    metadata: { approval_id: id, state },
    exitCode: EXIT.refusedByPolicy,
  })
}

async function look({ clients }: Session, approvalId: string): Promise<Approval> {
  return present((await clients.approvals.getApproval({ approvalId })).approval, 'an approval')
}
