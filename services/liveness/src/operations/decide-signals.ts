import { appendAll } from '@powernode/events'
import { newId, type Tx } from '@powernode/postgres'
import { entryOf, saysTheSame, type Remediation } from '../diary.ts'
import { newsOf } from '../events/decisions.ts'
import type { Freshness } from '../freshness.ts'
import { budget } from '../remediation/breaker.ts'
import { decide } from '../remediation/decide.ts'
import { decided, inputsOf, type Signal } from '../remediation/signal.ts'
import { isVerdict, type Inputs, type Reason, type Verb } from '../remediation/types.ts'
import type { Loop } from '../store/loop.ts'
import * as remediations from '../store/remediations.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'
import type { Standing } from './observe-peers.ts'

/** What the policy of system.federation_peer_remediate says, and whether whatever acts by itself may. */
export type Policy = { readonly verb: Verb; readonly halted: boolean }

/** A peer that has to be probed before it can be decided. */
export type ToProbe = { readonly signalId: string; readonly peerId: string; readonly reason: Reason }

export type Deciding = {
  readonly observed: readonly Standing[]
  readonly standing: Loop
  readonly listeningSince: Date
  readonly tickMs: number
  readonly policy: Policy
  /** Signals that are being probed just now. */
  readonly busy: ReadonlySet<string>
}

const HOUR_MS = 3_600_000
const US = 'service/liveness'

/**
 * Decides whatever can be decided without asking anybody, and says who has to be probed for the rest.
 *
 * What is decided again the same is not written again. Heard by audit-ledger.
 */
export async function decideSignals(tx: Tx<Tables>, now: Date, said: Deciding): Promise<readonly ToProbe[]> {
  const due = said.observed.filter(({ signal }) => signal.nextLookAt <= now && !said.busy.has(signal.id))
  if (due.length === 0) return []
  const context = await contextOf(tx, now, { ...said, signals: due.map(({ signal }) => signal) })
  const probes: ToProbe[] = []
  const after: Signal[] = []
  const noted: Noted[] = []
  for (const { signal, evidence, quiet } of due) {
    const inputs = inputsOf(signal, quiet, context.standingOf(signal, evidence.state, evidence.freshness), now)
    const decision = decide(inputs)
    if (!isVerdict(decision)) {
      if (decision.action === 'probe')
        probes.push({ signalId: signal.id, peerId: signal.peerId, reason: signal.reason })
      after.push({ ...signal, nextLookAt: new Date(now.getTime() + decision.waitMs) })
      continue
    }
    const entry = entryOf({ id: newId(now), peerId: signal.peerId, signalId: signal.id, inputs, verdict: decision, probes: [], approvalId: signal.approvalId, actor: US }, now) // prettier-ignore
    const last = context.last(signal)
    const again = last && saysTheSame(last, entry, decision.escalation > signal.escalation)
    if (!again) noted.push({ entry, severity: decision.severity, signal, freshness: evidence.freshness })
    const { state: peerState } = evidence
    after.push(decided(signal, { verdict: decision, peerState, remediationId: again ? last.id : entry.id }, now))
  }
  await signals.write(tx, after)
  await remediations.append(tx, noted.map(({ entry }) => entry)) // prettier-ignore
  await appendAll(
    tx,
    noted.flatMap((one) => newsOf(one, now)),
  )
  return probes
}

export type Noted = {
  readonly entry: Remediation
  readonly severity: Signal['severity']
  readonly signal: Signal
  readonly freshness: Freshness
}

/** What was before we listened does not count: who was silent then seems to have fallen silent when we began to listen. */
const heldFor = (since: Date, listeningSince: Date, now: Date): number =>
  Math.max(0, now.getTime() - Math.max(since.getTime(), listeningSince.getTime()))

export type Context = {
  readonly standingOf: (signal: Signal, state: Inputs['peerState'], of: Freshness) => Omit<Inputs, 'reason' | 'hearing' | 'silentForMs' | 'seen' | 'patienceUsed' | 'looks' | 'awayForMs'> // prettier-ignore
  readonly last: (signal: Signal) => Remediation | undefined
}

/** What decisions rest on besides the peer itself, read for all of them at once. */
export async function contextOf(
  tx: Tx<Tables>,
  now: Date,
  {
    standing,
    listeningSince,
    policy,
    tickMs,
    signals: rows,
  }: Pick<Deciding, 'standing' | 'listeningSince' | 'policy' | 'tickMs'> & { signals: readonly Signal[] },
): Promise<Context> {
  const anHourAgo = new Date(now.getTime() - HOUR_MS)
  const { mode, breaker, late, watched, settings } = standing
  const budgetLeft = budget(watched, settings) - (await remediations.countDegraded(tx, anHourAgo))
  const peerIds = rows.map(({ peerId }) => peerId)
  const recoveries = await signals.recoveries(tx, peerIds, anHourAgo)
  const lasts = await remediations.find(tx, rows.flatMap(({ remediationId }) => remediationId ?? [])) // prettier-ignore
  const last = ({ remediationId }: Signal) => (remediationId ? lasts.get(remediationId) : undefined)
  return {
    last,
    standingOf: (signal, peerState, { staleAfterMs }) => ({
      peerState,
      mode,
      ...policy,
      breakerOpen: breaker.since !== null,
      breakerForMs: breaker.since ? heldFor(breaker.since, listeningSince, now) : 0,
      late,
      watched,
      budgetLeft,
      staleAfterMs,
      tickMs,
      patience: settings.patience,
      recoveries: recoveries.get(signal.peerId) ?? 0,
      probed: null,
      approval: signal.approvalId ? 'given' : signal.askedId ? 'asked' : 'none',
      asked: false,
    }),
  }
}
