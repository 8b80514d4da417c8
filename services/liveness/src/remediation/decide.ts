import {
  isCertificate,
  isSilence,
  type Action,
  type Decision,
  type Inputs,
  type Severity,
  type Verdict,
  type WhyHeld,
} from './types.ts'

/** A signal that was seen once may be gone with the next beat: it is decided when it is seen again. */
const SEEN_LEAST = 2
/** What is held is looked at again after this long, or at once when what held it is gone. */
const HELD_MS = 60_000
const FIRST_LOOK_MS = 60_000
const LONGEST_LOOK_MS = 3_600_000
const ESCALATES_AFTER_MS = [3_600_000, 86_400_000] as const
/** So often back within an hour, and a peer is flapping: it is given twice the time. */
const FLAPPING_FROM = 3
/** Peers that stay late hold the breaker for ever: after so long, whoever fell silent this much later than they is decided for himself. */
const HELD_LONG_MS = 3_600_000
const LATER_MS = 600_000

/**
 * What to do about a signal. Pure and total: the same inputs give the same decision, and there are none without one.
 *
 * Silence is never acted on before a probe: what answers is there, and is given time to be heard; what does not answer is
 * degraded if it was active, unless so much fails at once that it is us. Trust is never rotated by itself, so of certificates
 * somebody is told.
 */
export function decide(inputs: Inputs): Decision {
  if (isCertificate(inputs.reason)) return verdict(inputs, 'alerted', certificateDetail(inputs), LONGEST_LOOK_MS)
  if (!isSilence(inputs.reason)) return { action: 'wait', waitMs: LONGEST_LOOK_MS }
  if (!inputs.asked && inputs.silentForMs < inputs.staleAfterMs) {
    return { action: 'wait', waitMs: inputs.staleAfterMs - inputs.silentForMs }
  }
  if (!inputs.asked && inputs.seen < SEEN_LEAST) return { action: 'wait', waitMs: 0 }

  const barred = barrier(inputs)
  if (barred) return held(inputs, barred)
  if (inputs.probed === null) return { action: 'probe', waitMs: 0 }
  if (inputs.probed === 'impossible') return held(inputs, 'cannot_probe')

  const wanted = settle(inputs)
  if (wanted.action === 'degraded' && inputs.budgetLeft <= 0 && !inputs.asked) return held(inputs, 'budget')
  if (inputs.mode === 'observing' && !inputs.asked) return held(inputs, 'observing', wanted)
  if (wanted.action === 'degraded' && inputs.verb === 'require_approval' && inputs.approval !== 'given') {
    return {
      ...wanted,
      looks: inputs.looks,
      action: 'awaiting_approval',
      detail: `${wanted.detail}; degrading it waits for approval`,
    }
  }
  return wanted
}

/** What keeps the loop from even looking, most deliberate first. */
function barrier(inputs: Inputs): WhyHeld | undefined {
  const { mode, halted, verb, breakerOpen, asked } = inputs
  if (mode === 'paused') return 'paused'
  if (halted && !asked) return 'halted'
  if (verb === 'blocked') return 'blocked'
  return breakerOpen && !asked && !isApart(inputs) ? 'breaker' : undefined
}

/** Whether it is another trouble than the one that opened the breaker: that is old, and most peers are heard both ways, so it is not us. */
function isApart({ breakerForMs, awayForMs, silentForMs, late, watched }: Inputs): boolean {
  const isLater = Math.max(awayForMs, silentForMs) <= breakerForMs - LATER_MS
  return breakerForMs >= HELD_LONG_MS && isLater && 2 * late < watched
}

/** The facts say: reachable, rehandshaked; unreachable and active, degraded; else alerted. */
function settle(inputs: Inputs): Verdict {
  const { peerState, probed, patience, patienceUsed, staleAfterMs } = inputs
  if (inputs.asked && inputs.silentForMs < staleAfterMs && probed !== 'reachable') {
    return verdict(inputs, 'alerted', 'no endpoint answers, and beats go both ways all the same: nothing to degrade', 0)
  }
  if (inputs.asked && peerState === 'active' && inputs.hearing === 'both' && probed === 'reachable') {
    return verdict(inputs, 'rehandshaked', `${silence(inputs)}, and it answers a probe: nothing is wrong with it`, 0)
  }
  if (peerState === 'active') {
    if (probed === 'unreachable') return degraded(inputs, `${silence(inputs)}; no endpoint answers`)
    if (patienceUsed >= patience && !inputs.asked) {
      return degraded(inputs, `${silence(inputs)}; it answers probes, and was given time ${times(patienceUsed)}`)
    }
    const given = verdict(
      inputs,
      'rehandshaked',
      `it answers a probe, though ${silence(inputs)}; it is given time`,
      staleAfterMs,
    )
    return { ...given, patienceUsed: patienceUsed + 1 }
  }
  const action: Action = probed === 'reachable' && peerState === 'degraded' ? 'rehandshaked' : 'alerted'
  const answer = probed === 'reachable' ? 'it answers a probe' : 'no endpoint answers'
  const looks = Math.max(1, inputs.looks)
  return { ...verdict(inputs, action, `${silence(inputs)}; ${answer}`, growing(looks)), looks: looks + 1 }
}

/** Said again ever less often while it stays active all the same, because nobody hears the news: each time is an entry in the ledger. */
const degraded = (inputs: Inputs, detail: string): Verdict => ({
  ...verdict(inputs, 'degraded', detail, growing(inputs.looks)),
  looks: inputs.looks + 1,
})

function held(inputs: Inputs, whyHeld: WhyHeld, wanted?: Verdict): Verdict {
  const waitMs = whyHeld === 'cannot_probe' ? 0 : HELD_MS
  const detail = wanted ? `${wanted.detail}; an observing loop does nothing` : `${silence(inputs)}; ${BECAUSE[whyHeld]}`
  return { ...verdict(inputs, 'held', detail, waitMs), whyHeld, wouldHave: wanted?.action ?? '' }
}

const BECAUSE: Readonly<Record<WhyHeld, string>> = {
  breaker: 'so many are late at once that it is us, or the road that all share',
  budget: 'as many were degraded within the hour as may be',
  paused: 'remediation is paused',
  blocked: 'the policy of system.federation_peer_remediate blocks it',
  observing: 'an observing loop does nothing',
  cannot_probe: 'our gateway could not probe it, so nothing is known',
  halted: 'whatever acts by itself was told to stop',
}

// oxlint-disable-next-line max-params -- what every verdict says, in one order
function verdict(inputs: Inputs, action: Action, detail: string, waitMs: number): Verdict {
  const { recoveries, patienceUsed, looks, awayForMs } = inputs
  const escalation = isSilence(inputs.reason) ? escalationOf(awayForMs) : 0
  const flapping = recoveries >= FLAPPING_FROM
  return {
    action,
    whyHeld: '',
    wouldHave: '',
    detail: flapping
      ? `${detail}; it came back ${recoveries} times within the hour, so it is given twice the time`
      : detail,
    waitMs: Math.min(flapping ? 2 * waitMs : waitMs, untilEscalation(awayForMs)),
    patienceUsed,
    looks,
    escalation,
    severity: severityOf(inputs, escalation),
  }
}

/** Which way beats do not go: the words in which a degraded peer is named. */
export const SILENCE: Readonly<Record<Inputs['hearing'], string>> = {
  both: 'heartbeats pass in both directions',
  they_hear_us: 'they hear us, we do not hear them: no heartbeat of theirs arrives',
  we_hear_them: 'we hear them, they do not hear us: our heartbeats are not answered',
  neither: 'no heartbeat passes in either direction',
  never: 'no heartbeat has ever passed',
}

const silence = ({ hearing }: Inputs): string => SILENCE[hearing]

/** 1, 2, 4 ... 60 minutes: a peer that stays away is asked ever less often, and never given up. */
const growing = (looks: number): number => Math.min(LONGEST_LOOK_MS, FIRST_LOOK_MS * 2 ** Math.min(looks, 10))

export const escalationOf = (awayForMs: number): 0 | 1 | 2 =>
  awayForMs >= ESCALATES_AFTER_MS[1] ? 2 : awayForMs >= ESCALATES_AFTER_MS[0] ? 1 : 0

/** Nobody is told later than due that a peer has been away for an hour, or a day. */
function untilEscalation(awayForMs: number): number {
  const next = ESCALATES_AFTER_MS.find((ms) => ms > awayForMs)
  return next === undefined ? Infinity : next - awayForMs
}

function severityOf({ reason, peerState }: Inputs, escalation: 0 | 1 | 2): Severity {
  if (reason === 'cert_expired' || escalation === 1) return 'high'
  if (escalation === 2) return 'critical'
  return reason !== 'cert_expiring' && peerState === 'active' ? 'high' : 'medium'
}

const certificateDetail = ({ reason }: Inputs): string =>
  reason === 'cert_expired'
    ? 'a certificate has ended; nobody rotates trust by himself'
    : 'a certificate ends soon; nobody rotates trust by himself'

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`)
