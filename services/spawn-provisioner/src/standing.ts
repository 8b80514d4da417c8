import type { Child } from './child.ts'
import { currentOf, type Step } from './step.ts'

export type WaitingOn = 'us' | 'them' | 'nobody'

/** A state never stands alone: who has to act, and what comes next. */
export type Standing = { readonly reason: string; readonly waitingOn: WaitingOn; readonly next: string }

/** Pure: the same child with the same steps always reads the same. */
export function standingOf(child: Child, steps: readonly Step[]): Standing {
  return WHO_ACTS[child.state](child, steps)
}

const WHO_ACTS: Readonly<Record<Child['state'], (child: Child, steps: readonly Step[]) => Standing>> = {
  preparing: making,
  provisioning: making,
  booting: (child, steps) => ({
    reason: lastWord(child, steps),
    waitingOn: 'them',
    next: `it speaks by itself, until ${child.invitationExpiresAt?.toISOString() ?? 'its time is over'}: fedctl child watch ${child.hostname}`,
  }),
  joining: (child, steps) => ({
    reason: lastWord(child, steps),
    waitingOn: 'them',
    next: `it becomes active with the first heartbeats both ways; if it does not: fedctl peer show ${child.peerId}`,
  }),
  active: (child) => {
    const ended = child.reason === PEERING_OVER
    return {
      reason: child.reason,
      waitingOn: ended ? 'us' : 'nobody',
      next: ended ? `its machine still runs; to end it: fedctl child terminate ${child.hostname}` : '',
    }
  },
  undoing: (child, steps) => {
    const stuck = steps.find(({ detail }) => detail.startsWith(UNDO_FAILS))
    return {
      reason: stuck ? `${child.reason}; ${stuck.name} ${stuck.detail}` : child.reason,
      waitingOn: stuck ? 'us' : 'nobody',
      next: stuck ? `mend it; it is tried again by itself, and at once by: fedctl child resume ${child.hostname}` : '',
    }
  },
  gone: (child) => ({
    reason: child.reason,
    waitingOn: child.ending === 'failed' ? 'us' : 'nobody',
    next: child.ending === 'failed' ? 'mend what the reason names, then: fedctl child spawn' : '',
  }),
}

/** Why an active child has nobody left to talk to. */
export const PEERING_OVER = 'the peering with it was ended; its machine is still there'

/** How the detail of a step begins that could not be undone yet. */
export const UNDO_FAILS = 'cannot be undone: '

function making(child: Child, steps: readonly Step[]): Standing {
  const step = currentOf(steps)
  const failing = step !== undefined && step.attempts > 1 && step.detail !== ''
  return {
    reason: failing ? `${step.name} (${step.attempts} attempts): ${step.detail}` : child.reason,
    waitingOn: failing ? 'us' : 'nobody',
    next: failing ? `mend it; it is tried again by itself, and at once by: fedctl child resume ${child.hostname}` : '',
  }
}

/** What was last seen of it. */
function lastWord(child: Child, steps: readonly Step[]): string {
  return currentOf(steps)?.detail || child.reason
}
