import { BEATING } from '../../services/liveness/src/announcement.ts'
import { entryOf } from '../../services/liveness/src/diary.ts'
import { atMost, later } from '../../services/liveness/src/freshness.ts'
import { fromWords, toWords } from '../../services/liveness/src/remediation/inputs.ts'
import { GAP_TICKS } from '../../services/liveness/src/remediation/listening.ts'
import { endsOf } from '../../services/liveness/src/remediation/sense.ts'
import type { Signal } from '../../services/liveness/src/remediation/signal.ts'
import {
  isCertificate,
  isSilence,
  isVerdict,
  type Inputs,
  type Probed,
  type Reason,
  type Verdict,
} from '../../services/liveness/src/remediation/types.ts'
import { silenceOf, type Peering, type Question } from './peering.ts'
import type { SimPlatform } from './platform.ts'

export const TICK_MS = 10_000
const HOUR_MS = 3_600_000
const AHEAD_MS = 30_000

/**
 * liveness' watch, in memory: what tick, observe-peers, decide-signals and settle-remediation do around their own rules, with the
 * statements of their stores as loops. Lives as long as its process.
 */
export class Watch {
  readonly #at: SimPlatform
  /** Ids of signals that this leader is probing. */
  readonly #busy = new Set<string>()
  #tickedMs: number | null = null
  #ended = false

  constructor(at: SimPlatform) {
    this.#at = at
    const again = () => {
      if (this.#ended) return
      if (at.works('database')) this.#tick()
      at.world.timeline.after(TICK_MS, again)
    }
    const isFirst = at.watch === undefined
    at.world.timeline.after((isFirst ? at.world.draw : at.world.spare).whole(0, isFirst ? TICK_MS : 1_000), again)
  }

  /** It leads no more, or its process has ended: what comes back to it is lost. */
  end(): void {
    this.#ended = true
  }

  /** Whether somebody has ticked lately: nobody can say otherwise that we listened. */
  isListening(now: Date): boolean {
    const { listening } = this.#at
    if (!listening) return false
    const sinceMs = now.getTime() - listening.tickedAt.getTime()
    return sinceMs >= -TICK_MS && sinceMs < GAP_TICKS * TICK_MS
  }

  #tick(): void {
    const at = this.#at
    const { rules } = at.world
    const now = at.now()
    const elapsedMs = this.#tickedMs === null ? null : at.trueMs - this.#tickedMs
    this.#tickedMs = at.trueMs
    const tick = { now, tickMs: TICK_MS, elapsedMs, earOpen: at.works('gateway') }
    at.ticked(elapsedMs === null)
    const { listening: before } = at
    const { after, anew } = rules.listen(before, tick)
    at.listening = after
    if ((before && now < before.tickedAt) || this.#isAhead(now)) this.#heedClockBack(now)
    at.breaker = rules.turn(at.breaker, this.#counts(), at.settings, now)
    for (const peering of at.peerings.values()) if (this.#isToObserve(peering, now)) this.#look(peering)
    at.world.witness.ticked(at, tick, anew)
  }

  /** Something was heard later than now: the clock was there, and came back unseen. */
  #isAhead(now: Date): boolean {
    const latestMs = now.getTime() + AHEAD_MS
    for (const { row, staleAfterMs } of this.#at.peerings.values()) {
      const silentMs = row.silentAt ? row.silentAt.getTime() - staleAfterMs : 0
      const heardMs = Math.max(row.lastHeardAt?.getTime() ?? 0, row.lastHeardByThemAt?.getTime() ?? 0)
      if (Math.max(heardMs, silentMs) > latestMs) return true
    }
    return false
  }

  #heedClockBack(now: Date): void {
    for (const peering of this.#at.peerings.values()) {
      const { row, staleAfterMs } = peering
      const latest = new Date(now.getTime() + staleAfterMs)
      const heard = {
        lastHeardAt: atMost(row.lastHeardAt, now),
        lastHeardByThemAt: atMost(row.lastHeardByThemAt, now),
      }
      peering.row = { ...row, ...heard, silentAt: atMost(row.silentAt, latest) }
      peering.signals = peering.signals.map((signal) => ({ ...signal, nextLookAt: atMost(signal.nextLookAt, now)! }))
    }
  }

  #counts() {
    const { listening, peerings } = this.#at
    const nowMs = this.#at.now().getTime()
    const sinceMs = listening?.since.getTime() ?? nowMs
    let [heard, silent, late] = [0, 0, 0]
    for (const { row, seen, staleAfterMs } of peerings.values()) {
      if (row.announced === 'silent' && seen === 'active') silent++
      if (row.announced !== 'heard') continue
      heard++
      if (Math.max(row.silentAt!.getTime() - staleAfterMs, sinceMs) + staleAfterMs / 2 < nowMs) late++
    }
    return { late: late + silent, watched: heard + silent }
  }

  #isToObserve(peering: Peering, now: Date): boolean {
    const { announced, lastHeardAt } = peering.row
    const silence = silenceOf(peering)
    if (peering.signals.some(({ nextLookAt }) => nextLookAt.getTime() <= now.getTime())) return true
    if (silence ? announced === 'heard' : announced === 'silent') return true
    if (peering.certificates.length > 0 && this.#isCertificateNews(peering, now)) return true
    return peering.seen === 'enrolled' && !lastHeardAt
  }

  #isCertificateNews({ certificates, signals }: Peering, now: Date): boolean {
    const ends = endsOf(certificates, now, this.#at.settings)
    const isOpen = (reason: Reason) => signals.some((signal) => signal.reason === reason)
    return (ends.expiring !== undefined) !== isOpen('cert_expiring') || (ends.expired !== undefined) !== isOpen('cert_expired') // prettier-ignore
  }

  #look(peering: Peering): void {
    const { rules, draw } = this.#at.world
    const ground = { ...this.#ground(), mint: () => draw.uuid(), patienceUsed: this.#patienceLately(peering) }
    const { opened, seen, closed } = rules.observe(peering.signals, this.#evidence(peering), ground)
    peering.signals = [...opened, ...seen]
    for (const { signal, ending } of closed) {
      if (!isSilence(signal.reason) || ending !== 'recovered') continue
      peering.recoveries = [...peering.recoveries, { at: ground.now, patienceUsed: signal.patienceUsed }]
    }
    for (const signal of peering.signals) {
      if (signal.nextLookAt <= ground.now && !this.#busy.has(signal.id)) this.#settle(peering, signal.id, null)
    }
  }

  #settle(peering: Peering, signalId: string, probed: Probed | null): void {
    const { rules } = this.#at.world
    const signal = peering.signals.find(({ id }) => id === signalId)
    const now = this.#at.now()
    if (!signal || !this.isListening(now)) return
    if (probed !== null && rules.isSettled(signal, peering.seen, now)) return
    const quiet = rules.quiet(this.#evidence(peering), this.#ground())
    const inputs = rules.inputsOf(signal, quiet, this.#standing(peering, signal, probed), now)
    const decision = rules.decide(inputs)
    if (isVerdict(decision)) return this.#act(peering, signal, { inputs, verdict: decision })
    this.#replace(peering, { ...signal, nextLookAt: new Date(now.getTime() + decision.waitMs) })
    if (decision.action === 'probe') this.#probe(peering, signalId)
  }

  #standing(peering: Peering, signal: Signal, probed: Probed | null) {
    const { settings, mode, world } = this.#at
    const counts = this.#counts()
    return {
      peerState: peering.seen,
      mode,
      verb: this.#at.verb,
      halted: false,
      breakerOpen: this.#at.breaker.since !== null,
      breakerForMs: this.#breakerForMs(),
      ...counts,
      budgetLeft: world.rules.budget(counts.watched, settings) - this.#within([...this.#at.degraded.values()]),
      staleAfterMs: peering.staleAfterMs,
      tickMs: TICK_MS,
      patience: settings.patience,
      recoveries: this.#within(peering.recoveries.map(({ at }) => at)),
      probed,
      approval: signal.approvalId ? ('given' as const) : signal.askedId ? ('asked' as const) : ('none' as const),
      asked: false,
    }
  }

  #act(peering: Peering, signal: Signal, { inputs, verdict }: { inputs: Inputs; verdict: Verdict }): void {
    const at = this.#at
    const { rules, draw, witness } = at.world
    const now = at.now()
    const { id: signalId, approvalId, peerId } = signal
    const entry = entryOf({ id: draw.uuid(), peerId, signalId, inputs, verdict, probes: [], approvalId, actor: 'us' }, now) // prettier-ignore
    const last = signal.remediationId ? peering.diary.get(signal.remediationId) : undefined
    const isSame = last !== undefined && rules.saysTheSame(last, entry, verdict.escalation > signal.escalation)
    const said = isSame ? last : entry
    peering.diary.set(said.id, said)
    this.#replace(peering, rules.decided(signal, { verdict, peerState: inputs.peerState, remediationId: said.id }, now))
    const words = toWords(inputs)
    const again = rules.decide(fromWords(words))
    const decided = { atMs: at.trueMs, words, inputs, verdict, again }
    if (verdict.action === 'degraded') {
      at.degraded.set(peering, later(at.degraded.get(peering) ?? null, now)!)
      at.tell(peering, 'unreachable')
    }
    if (!isCertificate(signal.reason)) peering.last = decided
    witness.decided(at, peering, decided)
    if (verdict.action === 'awaiting_approval') this.#ask(peering, signal, said.id)
  }

  /** Asks people, once about a trouble. They answer when they like, or never. */
  #ask(peering: Peering, { id: signalId, askedId, troubleSince }: Signal, id: string): void {
    const at = this.#at
    const { spare, timeline, witness } = at.world
    if (askedId) return
    peering.signals = peering.signals.map((one) => (one.id === signalId ? { ...one, askedId: id } : one))
    const question: Question = { id, atMs: at.trueMs, troubleSince, answer: 'none' }
    peering.asked = [...peering.asked, question]
    witness.asked(at, peering)
    const answer = spare.oneOf(['yes', 'yes', 'no', 'timed_out'] as const)
    const waitMs = answer === 'timed_out' ? 4 * HOUR_MS : spare.whole(1, spare.oneOf([60_000, 30 * 60_000]))
    timeline.after(waitMs, () => at.write(() => {
      question.answer = answer
      const silence = silenceOf(peering)
      if (answer !== 'yes' || !silence) return
      peering.signals = peering.signals.map((one) => (one === silence ? { ...one, approvalId: id, nextLookAt: at.now() } : one)) // prettier-ignore
    })) // prettier-ignore
  }

  #replace(peering: Peering, signal: Signal): void {
    peering.signals = peering.signals.map((one) => (one.id === signal.id ? signal : one))
  }

  /** Over the network, as a beat goes, but only to the door. */
  #probe(peering: Peering, signalId: string): void {
    const at = this.#at
    const { net, platforms } = at.world
    const far = platforms.get(peering.them)!
    const probe = {}
    peering.probing.add(probe)
    this.#busy.add(signalId)
    const probed = (said: Probed) => {
      peering.probing.delete(probe)
      this.#busy.delete(signalId)
      if (!this.#ended) at.write(() => !this.#ended && this.#settle(peering, signalId, said))
    }
    if (!at.works('gateway')) return probed('impossible')
    net.call<'here'>(
      { from: at.name, to: peering.them },
      (reply) => {
        if (far.works('machine')) reply(far.works('gateway') ? 'here' : undefined)
      },
      (said) => probed(said === 'here' ? 'reachable' : at.works('gateway') ? 'unreachable' : 'impossible'),
    )
  }

  #breakerForMs(): number {
    const { since } = this.#at.breaker
    const { listening } = this.#at
    const now = this.#at.now()
    return since ? Math.max(0, now.getTime() - Math.max(since.getTime(), (listening?.since ?? now).getTime())) : 0
  }

  /** How much time it was given in the last of its silences that ended within the hour. */
  #patienceLately({ recoveries }: Peering): number {
    const from = this.#at.now().getTime() - HOUR_MS
    return recoveries.filter(({ at }) => at.getTime() > from).at(-1)?.patienceUsed ?? 0
  }

  #within(moments: readonly Date[]): number {
    const from = this.#at.now().getTime() - HOUR_MS
    return moments.filter((at) => at.getTime() > from).length
  }

  #evidence({ seen: state, row: freshness, certificates }: Peering) {
    return {
      state: BEATING.includes(state) ? state : 'unknown',
      freshness,
      expectedSince: null,
      certificates,
    } as const
  }

  #ground() {
    const { listening, settings } = this.#at
    return { now: this.#at.now(), listeningSince: listening?.since ?? this.#at.now(), settings }
  }
}
