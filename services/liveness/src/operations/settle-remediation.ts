import { appendAll } from '@powernode/events'
import { newId, type Tx } from '@powernode/postgres'
import { entryOf, saysTheSame, type Probe, type Remediation } from '../diary.ts'
import { newsOf } from '../events/decisions.ts'
import { decide } from '../remediation/decide.ts'
import { quiet, type Evidence } from '../remediation/sense.ts'
import { decided, inputsOf, isSettled, open, type Signal } from '../remediation/signal.ts'
import { isVerdict, type Probed, type Reason } from '../remediation/types.ts'
import * as freshness from '../store/freshness.ts'
import * as listening from '../store/listening.ts'
import * as loop from '../store/loop.ts'
import * as nudges from '../store/nudges.ts'
import * as remediations from '../store/remediations.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'
import { contextOf, type Policy } from './decide-signals.ts'
import { evidenceOf, type KnownPeer } from './observe-peers.ts'

export type SettleSaid = {
  readonly peerId: string
  /** The signal it is about; an operator may ask without one. */
  readonly signalId: string | undefined
  readonly reason: Reason
  readonly peers: ReadonlyMap<string, KnownPeer>
  readonly since: ReadonlyMap<string, Date>
  /** Null: nothing was probed, because nothing has to be. */
  readonly probed: Probed | null
  readonly probes: readonly Probe[]
  readonly policy: Policy
  readonly tickMs: number
  /** `operator/<name>` who asks for this peer by name; undefined: the loop itself. */
  readonly asker: string | undefined
}

const US = 'service/liveness'

/**
 * The probe is back: decides once more, on what stands now, and does it.
 *
 * While it was under way the peer may have been heard, the breaker opened, the budget been spent or the loop paused: so nothing
 * of the first look counts. Silence cannot be told when nobody has ticked lately. The decision, its news and the note in the
 * diary share the transaction, and one is made at a time, so that no two spend the last of the budget.
 * Heard by peer-registry (degrades the peer) and audit-ledger. Undefined: there is nothing to decide any more.
 */
export async function settleRemediation(tx: Tx<Tables>, now: Date, said: SettleSaid): Promise<Remediation | undefined> {
  const { peerId, asker } = said
  const standing = await loop.lock(tx)
  const since = (await listening.current(tx, now))?.since ?? (asker ? now : undefined)
  if (!since) return undefined
  const row = (await freshness.lock(tx, [peerId])).get(peerId)
  const evidence = evidenceOf(said, peerId, row)
  const found = await signalOf(tx, said)
  if (!asker && isSettled(found, evidence.state, now)) return undefined
  const signal = found ?? pretended(said, evidence, now)

  const context = await contextOf(tx, now, { ...said, standing, listeningSince: since, signals: [signal] })
  const ground = context.standingOf(signal, evidence.state, evidence.freshness)
  const asked = { ...ground, probed: said.probed, asked: asker !== undefined } as const
  const inputs = inputsOf(signal, quiet(evidence, { now, listeningSince: since }), asked, now)
  const verdict = decide(inputs)
  if (!isVerdict(verdict)) {
    await signals.write(tx, found ? [{ ...found, nextLookAt: new Date(now.getTime() + verdict.waitMs) }] : [])
    return undefined
  }
  const { probes } = said
  const { approvalId } = signal
  const entry = entryOf({ id: newId(now), peerId, signalId: found?.id ?? null, inputs, verdict, probes, approvalId, actor: asker ?? US }, now) // prettier-ignore
  const last = context.last(signal)
  const again = last !== undefined && saysTheSame(last, entry, verdict.escalation > signal.escalation)
  if (found) {
    const { peerState } = inputs
    await signals.write(tx, [decided(found, { verdict, peerState, remediationId: again ? last.id : entry.id }, now)])
  }
  if (inputs.probed === 'reachable') await nudges.beatNow(tx, peerId)
  if (again) return last
  await remediations.append(tx, [entry])
  await appendAll(tx, newsOf({ entry, severity: verdict.severity, signal: found, freshness: evidence.freshness }, now))
  return entry
}

async function signalOf(tx: Tx<Tables>, { signalId, peerId, reason }: SettleSaid): Promise<Signal | undefined> {
  if (signalId) return signals.lockOne(tx, signalId)
  return (await signals.lockOpen(tx, [peerId])).find((signal) => signal.reason === reason)
}

/** An operator asks about what nothing is known to be wrong with: looked at all the same, and kept nowhere. */
function pretended({ peerId, reason }: SettleSaid, evidence: Evidence, now: Date): Signal {
  const said = { reason, severity: 'medium', fingerprint: '', detail: '', certificate: '' } as const
  const { state, freshness: of } = evidence
  return open(
    said,
    { id: newId(now), peerId, peerState: state, lastHeartbeatAt: of.lastHeardAt, instead: undefined, patienceUsed: 0 },
    now,
  )
}
