import type { PeerState } from './announcement.ts'
import { toWords } from './remediation/inputs.ts'
import type { Action, Inputs, Mode, Reason, Verb, Verdict, WhyHeld } from './remediation/types.ts'

/** One endpoint of a peer, tried. */
export type Probe = { readonly url: string; readonly reachable: boolean; readonly detail: string; readonly at: Date }

/** One decision, as the diary holds it. Never changed but by what came of it. */
export type Remediation = {
  readonly id: string
  readonly peerId: string
  readonly signalId: string | null
  readonly reason: Reason
  readonly decidedAt: Date
  readonly verb: Verb
  readonly mode: Mode
  readonly action: Action
  readonly whyHeld: WhyHeld | ''
  readonly wouldHave: Action | ''
  readonly detail: string
  readonly inputs: Readonly<Record<string, string>>
  readonly probes: readonly Probe[]
  readonly reachable: boolean
  readonly approvalId: string | null
  readonly finishedAt: Date
  readonly recoveredAt: Date | null
  readonly actor: string
}

export type Entry = {
  readonly id: string
  readonly peerId: string
  readonly signalId: string | null
  readonly inputs: Inputs
  readonly verdict: Verdict
  readonly probes: readonly Probe[]
  readonly approvalId: string | null
  readonly actor: string
}

/** What the diary says of a decision. */
export function entryOf({ inputs, verdict, ...said }: Entry, now: Date): Remediation {
  const { action, whyHeld, wouldHave, detail } = verdict
  return {
    ...said,
    action,
    whyHeld,
    wouldHave,
    detail,
    reason: inputs.reason,
    verb: inputs.verb,
    mode: inputs.mode,
    inputs: toWords(inputs),
    reachable: inputs.probed === 'reachable',
    decidedAt: now,
    finishedAt: now,
    recoveredAt: null,
  }
}

/** Whether a decision says what the last one about the same signal said: then it is not written again. */
export function saysTheSame(before: Remediation | undefined, after: Remediation, escalates: boolean): boolean {
  if (!before || escalates || after.action === 'degraded' || after.actor !== before.actor) return false
  const { action, whyHeld, wouldHave, reachable, reason } = before
  return (
    action === after.action &&
    whyHeld === after.whyHeld &&
    wouldHave === after.wouldHave &&
    reachable === after.reachable &&
    reason === after.reason &&
    stateIn(before) === stateIn(after)
  )
}

const stateIn = ({ inputs }: Remediation): PeerState | undefined => inputs['peer_state'] as PeerState | undefined // toWords wrote it
