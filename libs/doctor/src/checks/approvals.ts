import type { Approval, Autonomy } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { failed, ok, warning } from '../check.ts'
import { DAY_MS, since, when } from '../moments.ts'

export type Waiting = {
  readonly now: Date
  readonly approvals?: readonly Approval[]
  readonly autonomy?: Autonomy
}

/** What waits for a person, what waited too long, and what failed when it was carried out; of the last day. */
export function approvalChecks(evidence: Waiting): Check[] {
  return [...queue(evidence), ...halted(evidence)]
}

function queue({ now, approvals }: Waiting): Check[] {
  if (!approvals) return []
  const recent = approvals.filter(
    ({ state, requestedAt }) => state === 'pending' || (since(requestedAt, now) ?? 0) < DAY_MS,
  )
  const superseded = (one: Approval) =>
    recent.some((other) => other.action === one.action && other.peerId === one.peerId && asked(other) > asked(one))
  const found = recent.filter((one) => !superseded(one)).flatMap(judged)
  return found.length > 0 ? found : [ok('approvals.queue', 'nothing waits for an approval')]
}

const asked = ({ requestedAt }: Approval): number =>
  Number(requestedAt?.seconds ?? 0n) * 1_000 + (requestedAt?.nanos ?? 0) / 1e6

function judged({ id, action, state, summary, expiresAt, failureReason, failureMessage }: Approval): Check[] {
  if (state === 'pending')
    return [
      warning('approvals.queue', {
        symptom: 'approval_pending',
        summary: `"${summary}" waits to be approved until ${when(expiresAt)}`,
        cause: `${action} is done only when somebody with system.infra_tasks.control has approved it`,
        side: 'us',
        command: `fedctl approval approve ${id}`,
      }),
    ]
  if (state === 'timed_out')
    return [
      warning('approvals.queue', {
        symptom: 'approval_timed_out',
        summary: `"${summary}" was not approved in time and is rejected`,
        cause: `nobody had answered by ${when(expiresAt)}: ask for it again, and approve it before it runs out`,
        side: 'us',
        command: `fedctl approval show ${id}`,
      }),
    ]
  if (state === 'failed')
    return [
      failed('approvals.queue', {
        symptom: 'approval_failed',
        summary: `"${summary}" was approved, and failed when it was carried out`,
        cause: `${failureReason}: ${failureMessage}`,
        side: 'us',
        command: `fedctl approval show ${id}`,
      }),
    ]
  return []
}

function halted({ autonomy }: Waiting): Check[] {
  if (!autonomy?.halted) return []
  return [
    warning('approvals.autonomy', {
      symptom: 'automation_halted',
      summary: `what acts by itself is halted since ${when(autonomy.since)}`,
      cause: `${autonomy.by}: ${autonomy.reason}`,
      side: 'us',
      command: 'fedctl approval resume',
    }),
  ]
}
