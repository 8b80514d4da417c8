import type { PeerState } from '../announcement.ts'
import type { Hearing } from '../freshness.ts'

/** What can be wrong with a peering. */
export const REASONS = [
  'heartbeat_stale',
  'one_way',
  'clock_skew',
  'epoch_regression',
  'cert_expiring',
  'cert_expired',
] as const
export type Reason = (typeof REASONS)[number]
export const isReason = (text: string): text is Reason => REASONS.some((reason) => reason === text)

/** Beats that stay away, both ways or one way: one trouble, though it has two names. */
export const isSilence = (reason: Reason): boolean => reason === 'heartbeat_stale' || reason === 'one_way'
export const isCertificate = (reason: Reason): boolean => reason === 'cert_expiring' || reason === 'cert_expired'

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** What the loop may do: act, only say what it would do, or nothing. */
export const MODES = ['acting', 'observing', 'paused'] as const
export type Mode = (typeof MODES)[number]
export const isMode = (text: string): text is Mode => MODES.some((mode) => mode === text)

/** What the policy of an action says. */
export const VERBS = ['auto_approve', 'notify_and_proceed', 'require_approval', 'blocked'] as const
export type Verb = (typeof VERBS)[number]

export type Settings = {
  /** The breaker holds when at least this share of the watched peers is late, */
  readonly breakerShare: number
  /** and at least so many. */
  readonly breakerLeast: number
  /** Peers that may be degraded within an hour; 0: reckoned from how many are watched. */
  readonly budgetPerHour: number
  /** How often a peer that answers a probe and is not heard is given another stale limit. */
  readonly patience: number
  readonly clockSkewMs: number
  readonly certWarningMs: number
}

export const DEFAULTS: Settings = {
  breakerShare: 0.3,
  breakerLeast: 4,
  budgetPerHour: 0,
  patience: 1,
  clockSkewMs: 30_000,
  certWarningMs: 30 * 86_400_000,
}

/** What came of probing every endpoint of a peer; `impossible`: we could not try, so it says nothing of the peer. */
export const PROBED = ['reachable', 'unreachable', 'impossible'] as const
export type Probed = (typeof PROBED)[number]

/**
 * All that a decision rests on. Written into the diary word by word, so that whoever decides again from the diary MUST come to
 * the same decision.
 */
export type Inputs = {
  readonly reason: Reason
  readonly peerState: PeerState
  readonly mode: Mode
  readonly verb: Verb
  /** Whatever acts by itself has been told to stop. */
  readonly halted: boolean
  readonly breakerOpen: boolean
  /** For how long it has held while we listened; 0: it is closed. */
  readonly breakerForMs: number
  readonly late: number
  readonly watched: number
  readonly budgetLeft: number
  /** Which way beats went while we listened. */
  readonly hearing: Hearing
  /** How long the longer silent direction has been so, while we listened. */
  readonly silentForMs: number
  readonly staleAfterMs: number
  readonly tickMs: number
  /** In how many ticks the signal was seen. */
  readonly seen: number
  readonly patience: number
  /** How often it answered a probe since then and was given time. */
  readonly patienceUsed: number
  /** How often it was looked at since it is not active, or was to be degraded and did not become so. */
  readonly looks: number
  /** Since when the trouble lasts. */
  readonly awayForMs: number
  /** How often it fell silent and came back within the last hour. */
  readonly recoveries: number
  /** Null: not probed yet. */
  readonly probed: Probed | null
  /** Where `require_approval` holds: whether somebody was asked, and has said yes. */
  readonly approval: 'none' | 'asked' | 'given'
  /** An operator asked for this peer by name: no hysteresis, no patience, no breaker and no budget stands in the way. */
  readonly asked: boolean
}

export type Action = 'rehandshaked' | 'degraded' | 'alerted' | 'held' | 'awaiting_approval'
export type WhyHeld = 'breaker' | 'budget' | 'paused' | 'blocked' | 'observing' | 'cannot_probe' | 'halted'

/** Not yet: nothing is written down. `waitMs` until it makes sense to look again; 0: in the next tick. */
export type NotYet = { readonly action: 'wait' | 'probe'; readonly waitMs: number }

export type Verdict = {
  readonly action: Action
  readonly whyHeld: WhyHeld | ''
  /** What an observing loop would have done. */
  readonly wouldHave: Action | ''
  /** Why, in a sentence. */
  readonly detail: string
  /** Until it is looked at again. */
  readonly waitMs: number
  /** What the signal carries on: see `Inputs`. */
  readonly patienceUsed: number
  readonly looks: number
  /** 0, 1 after an hour, 2 after a day. */
  readonly escalation: 0 | 1 | 2
  readonly severity: Severity
}

export type Decision = NotYet | Verdict

export const isVerdict = (decision: Decision): decision is Verdict =>
  decision.action !== 'wait' && decision.action !== 'probe'
