import { BEATING, type PeerState } from '../announcement.ts'
import type { Quiet, Sensed } from './sense.ts'
import { isSilence, type Inputs, type Reason, type Severity, type Verdict } from './types.ts'

/** Something that is wrong with a peering: open while it is so. A peer has at most one open signal of a reason. */
export type Signal = {
  readonly id: string
  readonly peerId: string
  readonly reason: Reason
  readonly severity: Severity
  readonly fingerprint: string
  readonly detail: string
  readonly certificate: string
  /** The state the peer was in when it opened. */
  readonly peerState: PeerState
  readonly lastHeartbeatAt: Date | null
  readonly openedAt: Date
  readonly lastSeenAt: Date
  readonly closedAt: Date | null
  /** Since when the trouble lasts, also under its other name. */
  readonly troubleSince: Date
  readonly nextLookAt: Date
  /** In how many ticks it was seen; counted as far as matters. */
  readonly seen: number
  readonly patienceUsed: number
  readonly looks: number
  readonly escalation: 0 | 1 | 2
  /** Since when it is not so any more, of a signal that stays open for a while all the same; null: it is so. */
  readonly calmSince: Date | null
  /** The last decision about it. */
  readonly remediationId: string | null
  /** The approval under which it may be acted on, where the policy wants one. */
  readonly approvalId: string | null
  /** The approval that people were asked for: once, and what they say, or do not, holds for as long as the trouble. */
  readonly askedId: string | null
}

/** What opens a signal, besides what was sensed. */
export type Opening = {
  readonly id: string
  readonly peerId: string
  readonly peerState: PeerState
  readonly lastHeartbeatAt: Date | null
  /**
   * The open silence of the peer under its other name, if any: what one way was silent is silent both ways. It goes on where that
   * one stood, or a peer whose silence changes its name with every tick would never be decided.
   */
  readonly instead: Signal | undefined
  /** How much time it was given in a silence that was over not long ago: who comes back for a moment is given no more than who does not. */
  readonly patienceUsed: number
}

const MOST_SEEN = 1_000

export function open(sensed: Sensed, { instead, patienceUsed, ...opening }: Opening, now: Date): Signal {
  return {
    ...opening,
    ...sensed,
    openedAt: now,
    lastSeenAt: now,
    closedAt: null,
    troubleSince: instead?.troubleSince ?? now,
    nextLookAt: instead?.nextLookAt ?? now,
    seen: (instead?.seen ?? 0) + 1,
    patienceUsed: instead?.patienceUsed ?? patienceUsed,
    looks: instead?.looks ?? 0,
    escalation: instead?.escalation ?? 0,
    calmSince: null,
    remediationId: instead?.remediationId ?? null,
    approvalId: instead?.approvalId ?? null,
    askedId: instead?.askedId ?? null,
  }
}

/** It is seen once more. What it was opened with stays; how bad it is may change. */
export const seeAgain = (signal: Signal, { detail, severity, certificate }: Sensed, now: Date): Signal => ({
  ...signal,
  detail,
  certificate,
  severity: signal.escalation > 0 ? signal.severity : severity,
  calmSince: null,
  lastSeenAt: now,
  seen: Math.min(MOST_SEEN, signal.seen + 1),
})

/**
 * It was decided about, as the diary says. What people have approved of it holds until the peer is not active any more: it is
 * one act, however often it has to be told before it is heard.
 */
export const decided = (signal: Signal, { verdict, peerState, remediationId }: Decided, now: Date): Signal => ({
  ...signal,
  remediationId,
  approvalId: peerState === 'active' ? signal.approvalId : null,
  askedId: peerState === 'active' ? signal.askedId : null,
  severity: verdict.escalation > signal.escalation ? verdict.severity : signal.severity,
  nextLookAt: new Date(now.getTime() + verdict.waitMs),
  patienceUsed: verdict.patienceUsed,
  looks: verdict.looks,
  escalation: verdict.escalation,
})

type Decided = { readonly verdict: Verdict; readonly peerState: PeerState; readonly remediationId: string }

/**
 * Whether there is nothing to decide any more when a probe comes back: it is over, a leader that followed this one has decided
 * meanwhile, or the peer was suspended and nothing is expected of it.
 */
export const isSettled = (signal: Signal | undefined, state: PeerState, now: Date): boolean =>
  !signal || signal.nextLookAt > now || !BEATING.includes(state)

export const close = (signal: Signal, now: Date): Signal => ({ ...signal, closedAt: now })

/** Whether two signals are one trouble under two names. */
export const isOtherName = (a: Reason, b: Reason): boolean => a !== b && isSilence(a) && isSilence(b)

/** What is known of the peer, and what stands for all, when it is decided. */
export type Standing = Omit<
  Inputs,
  'reason' | 'hearing' | 'silentForMs' | 'seen' | 'patienceUsed' | 'looks' | 'awayForMs'
>

/** All that a decision about a signal rests on, at this moment. */
export function inputsOf(signal: Signal, { hearing, longestMs }: Quiet, standing: Standing, now: Date): Inputs {
  const { reason, seen, patienceUsed, looks, troubleSince } = signal
  const awayForMs = Math.max(0, now.getTime() - troubleSince.getTime())
  return { ...standing, reason, hearing, silentForMs: longestMs, seen, patienceUsed, looks, awayForMs }
}
