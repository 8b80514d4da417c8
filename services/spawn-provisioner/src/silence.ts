import type { Child } from './child.ts'
import type { Instance } from './instance.ts'
import type { Step } from './step.ts'

/** What is looked at when somebody asks how long a spawn has said nothing. */
export type Quiet = { readonly child: Child; readonly instance: Instance; readonly step: Step; readonly now: Date }

/**
 * Why a spawn is given up, or undefined: it may still come.
 *
 * A sign is whatever the machine or its provider says for the first time. Without one for as long as the invitation lives
 * unextended, nobody is there; and beyond the deadline it is not waited for, whatever is said.
 */
export function givenUp({ child, instance, step, now }: Quiet): string | undefined {
  const last = instance.progress === '' ? '' : `; it last said: ${instance.progress}`
  if (now >= child.bootDeadline)
    return `it was not there by ${child.bootDeadline.toISOString()}, the end of the time it had${last}`
  const sign = Math.max(step.startedAt?.getTime() ?? now.getTime(), instance.progressAt?.getTime() ?? 0)
  const quietMs = now.getTime() - sign
  if (step.name === 'await_active' || quietMs < child.tokenTtlMs) return undefined
  return `no sign of progress for ${Math.round(quietMs / 60_000)} min${step.detail === '' ? last : `: ${step.detail}`}`
}

/** Until when an invitation lives after a sign at this moment; undefined when that is hardly later than it lives anyway. */
export function extendedTo(child: Child, now: Date): Date | undefined {
  const until = Math.min(now.getTime() + child.tokenTtlMs, child.bootDeadline.getTime())
  const gainedMs = until - (child.invitationExpiresAt?.getTime() ?? 0)
  return gainedMs > child.tokenTtlMs / 20 ? new Date(until) : undefined
}
