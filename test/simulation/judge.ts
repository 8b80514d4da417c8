import { isDeepStrictEqual } from 'node:util'
import { KEPT_NONCES } from '../../services/liveness/src/own-nonces.ts'
import { isCertificate } from '../../services/liveness/src/remediation/types.ts'
import { threshold } from '../../services/liveness/src/remediation/breaker.ts'
import { GAP_TICKS, type Tick } from '../../services/liveness/src/remediation/listening.ts'
import { DEADLINE_MS } from './net.ts'
import { silenceOf, type Entry, type Peering, type SimBeat } from './peering.ts'
import type { SimPlatform, Witness, World } from './platform.ts'
import { TICK_MS } from './watch.ts'

/** A break in one direction is named within this after the stale bound, and decided within twice that. */
const NAMED_MS = 30_000
const DECIDED_MS = 60_000
/** What is measured by ticks and messages, not to the millisecond. */
const SLACK_MS = 1_000
const HOUR_MS = 3_600_000
/** What was given in a silence that ended an hour before another began, and so on. */
const REMEMBERED_MS = 3 * HOUR_MS
/** After the last misfortune all is well again within so many ms: a beat and its jitter, news, three calm ticks. */
export const RECOVERS_MS = 180_000

/**
 * Compares, after every step, what the platforms believe and do with what is true.
 *
 * Knows nothing of the rules but what they promise: who was heard lately is never degraded, who was not is named and acted
 * upon in time, and each decision can be told again from the diary.
 */
export class Judge implements Witness {
  readonly violations: string[] = []
  readonly counts = {
    beats: 0,
    decisions: 0,
    degraded: 0,
    held: 0,
    rehandshaked: 0,
    breakers: 0,
    anew: 0,
    asked: 0,
    approved: 0,
    certificates: 0,
    restored: 0,
  }
  readonly #world: World
  readonly #degraded = new Map<string, Map<Peering, number>>()
  readonly #calmMs = new Map<string, number>()
  readonly #open = new Set<string>()
  readonly #tickedMs = new Map<string, number>()
  /** By its own clock. */
  readonly #ticked = new Map<string, Date>()

  constructor(world: World) {
    this.#world = world
  }

  heard(at: SimPlatform, peering: Peering, beat: SimBeat, receivedMs: number): void {
    this.counts.beats += 1
    const { truth } = peering
    const isLateMail = beat.sentMs <= truth.newestMs
    if (isLateMail !== peering.replayed) {
      this.#blame(
        at,
        peering,
        `a beat that ${isLateMail ? 'is' : 'is not'} late mail was ${isLateMail ? '' : 'not '}taken`,
      )
    }
    if (!isLateMail) {
      this.#judgeMemory(at, peering, beat)
      truth.newestMs = beat.sentMs
      truth.inMs = receivedMs
      const { sentMs = -Infinity, order = -Infinity } = beat.echoed ?? {}
      truth.perhapsOutMs = Math.max(truth.perhapsOutMs, sentMs)
      if (peering.sent - order < KEPT_NONCES && sentMs > truth.outMs) {
        truth.outBeforeMs = truth.outMs
        truth.echoedMs = at.trueMs
        truth.outMs = sentMs
      }
    }
    const { announced, silentAt } = peering.row
    if ((announced === 'heard') !== (silentAt !== null)) this.#blame(at, peering, 'a deadline without its announcement')
  }

  /** Whose database lacks an answer that it once had is found with its first beat; who never lost one is not accused. */
  #judgeMemory(at: SimPlatform, peering: Peering, { answeredMs }: SimBeat): void {
    const { truth, restored, them } = peering
    if (answeredMs < truth.provedMs) {
      this.counts.restored += 1
      if (!restored) this.#blame(at, peering, 'was restored from a backup, and is not found out')
    }
    if (restored && this.#world.platforms.get(them)!.restores === 0)
      this.#blame(at, peering, 'is said to be restored from a backup, and never was')
    truth.provedMs = answeredMs
  }

  silenced(at: SimPlatform, peering: Peering): void {
    const silentMs = at.trueMs - Math.max(lastMs(at, peering), at.listensMs)
    if (silentMs < peering.staleAfterMs - at.slackMs - SLACK_MS) {
      this.#blame(at, peering, `told to be silent after ${silentMs} ms of listening`)
    }
  }

  moved(at: SimPlatform, peering: Peering, from: string): void {
    if (peering.state !== 'degraded') return
    const heldUpMs = at.trueMs - Math.max(peering.degradedMs, at.newsFlowsMs)
    // Whose clock was set may tell later news by an earlier time.
    if (at.slackMs === 0 && peering.heardNewsMs > peering.degradedMs)
      this.#blame(at, peering, 'became degraded by old news, though it was told since that it is heard')
    if (from !== 'active' || heldUpMs > SLACK_MS) this.#blame(at, peering, `became degraded from ${from} undecided`)
  }

  decided(at: SimPlatform, peering: Peering, entry: Entry): void {
    const { verdict, again, inputs } = entry
    this.counts.decisions += 1
    if (!isDeepStrictEqual(verdict, again)) this.#blame(at, peering, 'the diary tells of another decision')
    if (verdict.detail === '' || (verdict.action === 'held') === (verdict.whyHeld === ''))
      this.#blame(at, peering, 'a decision that does not say why')
    if (isCertificate(inputs.reason)) return this.#judgeCertificate(at, peering, entry)
    if (verdict.action === 'held') this.counts.held += 1
    if (verdict.action === 'rehandshaked') this.counts.rehandshaked += 1
    if (verdict.action === 'rehandshaked' && inputs.probed !== 'reachable')
      this.#blame(at, peering, 'said to answer, and nobody asked')
    if (verdict.action === 'degraded') this.#degrade(at, peering, entry)
    if (verdict.action === 'rehandshaked' && inputs.peerState === 'active') this.#giveTime(at, peering)
  }

  /** Nobody rotates trust by himself, and nobody is degraded for a certificate. */
  #judgeCertificate(at: SimPlatform, peering: Peering, { verdict }: Entry): void {
    this.counts.certificates += 1
    if (verdict.action !== 'alerted') this.#blame(at, peering, `${verdict.action} for a certificate`)
  }

  /** About one trouble people are asked once, whatever they say. */
  asked(at: SimPlatform, peering: Peering): void {
    this.counts.asked += 1
    if (at.verb !== 'require_approval') this.#blame(at, peering, 'people are asked, and need not be')
    const last = peering.asked.at(-1)!
    const same = peering.asked.filter(({ troubleSince }) => troubleSince.getTime() === last.troubleSince.getTime())
    if (same.length > 1) this.#blame(at, peering, `people were asked ${same.length} times about one trouble`)
  }

  #giveTime(at: SimPlatform, peering: Peering): void {
    const silentFromMs = Math.max(lastMs(at, peering), at.listensMs)
    peering.givenMs = [...peering.givenMs, at.trueMs]
    const given = peering.givenMs.filter((ms) => ms > silentFromMs).length
    if (given > at.settings.patience) this.#blame(at, peering, `given time ${given} times in one silence`)
  }

  /** All that must be true when a peer is degraded. */
  #degrade(at: SimPlatform, peering: Peering, { inputs }: Entry): void {
    this.counts.degraded += 1
    if (at.verb === 'require_approval') {
      this.counts.approved += 1
      const answers = peering.asked.filter(({ atMs }) => atMs > peering.stateMs).map(({ answer }) => answer)
      if (!answers.includes('yes')) this.#blame(at, peering, 'degraded, and nobody had approved it')
    }
    const sinceMs = at.trueMs - peering.degradedMs
    if (sinceMs < DECIDED_MS - SLACK_MS && at.slackMs === 0 && peering.stateMs < peering.degradedMs)
      this.#blame(at, peering, `degraded twice within ${sinceMs} ms`)
    peering.degradedMs = at.trueMs
    const { staleAfterMs, troubledMs, troubles } = peering
    const silentMs = at.trueMs - Math.max(lastMs(at, peering), at.listensMs)
    if (silentMs < staleAfterMs - at.slackMs - SLACK_MS)
      this.#blame(at, peering, `degraded after ${silentMs} ms of silence`)
    const fairMs = troubles > 0 ? 0 : at.trueMs - troubledMs
    if (fairMs > (at.settings.patience + 1) * 2 * staleAfterMs + DECIDED_MS)
      this.#blame(at, peering, `degraded though nothing was wrong with it for ${fairMs} ms`)
    if (inputs.probed !== 'reachable' && inputs.probed !== 'unreachable')
      this.#blame(at, peering, 'degraded, and nobody had probed it')
    if (inputs.probed === 'unreachable' && fairMs > NAMED_MS)
      this.#blame(at, peering, 'degraded as unreachable, and it was not')
    const sinceGivenMs = at.trueMs - (peering.givenMs.at(-1) ?? -Infinity)
    // Who falls silent again and again is given its time once, not each time.
    const given = peering.givenMs.filter((ms) => at.trueMs - ms < REMEMBERED_MS)
    const wasGiven = at.settings.patience === 0 || given.length >= at.settings.patience
    if (inputs.probed === 'reachable' && (!wasGiven || sinceGivenMs < staleAfterMs - at.slackMs - SLACK_MS))
      this.#blame(at, peering, 'degraded though it answers, before its time was over')
    if (at.mode !== 'acting') this.#blame(at, peering, `degraded by a loop that is ${at.mode}`)
    const most = threshold(watched(at).length, at.settings)
    const late = watched(at).filter((one) => quietMs(at, one) > one.staleAfterMs / 2 + TICK_MS + SLACK_MS)
    if (late.length >= most) this.#blame(at, peering, `degraded while ${late.length} of ${watched(at).length} are late`)
    this.#spend(at, peering)
  }

  #spend(at: SimPlatform, peering: Peering): void {
    const lately = (this.#degraded.get(at.name) ?? new Map<Peering, number>()).set(peering, at.trueMs)
    this.#degraded.set(at.name, lately)
    const since = Math.max(at.unshakenMs, at.trueMs - HOUR_MS)
    const count = [...lately.values()].filter((ms) => ms > since).length
    const most = at.settings.budgetPerHour || 20
    if (count > most) this.#blame(at, peering, `${count} were degraded within an hour`)
  }

  ticked(at: SimPlatform, tick: Tick, anew: boolean): void {
    const lastTickMs = this.#tickedBefore(at)
    const lastTick = this.#ticked.get(at.name)?.getTime() ?? -Infinity
    this.#tickedMs.set(at.name, at.trueMs)
    this.#ticked.set(at.name, tick.now)
    if (anew) this.counts.anew += 1
    if (anew && tick.earOpen && at.unshakenMs < lastTickMs) this.#blame(at, undefined, 'listens anew for no reason')
    // A clock that was set back by as long as nobody ran hides that from the next process, and from what it holds to be fresh.
    const isHidden = tick.elapsedMs === null && Math.abs(tick.now.getTime() - lastTick) <= GAP_TICKS * TICK_MS
    if (!anew && at.listensMs > lastTickMs && !isHidden) this.#blame(at, undefined, 'goes on as if it had listened')
    this.#judgeBreaker(at)
    if (at.hears) for (const peering of at.peerings.values()) this.#judgeSilence(at, peering)
    for (const peering of at.peerings.values()) if (peering.certificates.length > 0) this.#judgeNames(at, peering, tick)
  }

  /** What ends soon, and what has ended, is named in the very tick by our own clock: of each sort what lasts longest counts. */
  #judgeNames(at: SimPlatform, peering: Peering, { now }: Tick): void {
    const sorts = Map.groupBy(peering.certificates, ({ certificate }) => certificate.split(' ')[0])
    const lasts = [...sorts.values()].map(
      (sort) => sort.toSorted((a, b) => Number(b.notAfter) - Number(a.notAfter))[0]!,
    )
    const leftMs = ({ notAfter }: (typeof lasts)[number]) => Number(notAfter) - Number(now)
    const wanted = [
      lasts.some((one) => leftMs(one) <= 0) ? 'cert_expired' : '',
      lasts.some((one) => leftMs(one) > 0 && 3 * leftMs(one) <= Number(one.notAfter) - Number(one.notBefore)) ? 'cert_expiring' : '', // prettier-ignore
    ].filter(Boolean)
    const named = peering.signals.map(({ reason }) => reason).filter((reason) => isCertificate(reason)).toSorted() // prettier-ignore
    if (wanted.join() !== named.join()) this.#blame(at, peering, `of its certificates ${named.join() || 'nothing'} is named, and it should be ${wanted.join() || 'nothing'}`) // prettier-ignore
  }

  #tickedBefore({ name }: SimPlatform): number {
    return this.#tickedMs.get(name) ?? -Infinity
  }

  #judgeBreaker(at: SimPlatform): void {
    const most = threshold(watched(at).length, at.settings)
    const perhapsLate = watched(at).filter((one) => at.trueMs - lastMs(at, one) > one.staleAfterMs / 2 - SLACK_MS)
    if (perhapsLate.length > most / 2) this.#calmMs.delete(at.name)
    else if (!this.#calmMs.has(at.name)) this.#calmMs.set(at.name, at.trueMs)
    const open = at.breaker.since !== null
    if (open && !this.#open.has(at.name)) {
      this.counts.breakers += 1
      if (perhapsLate.length < most)
        this.#blame(at, undefined, `the breaker opened over ${perhapsLate.length} of ${most}`)
    }
    if (open) this.#open.add(at.name)
    else this.#open.delete(at.name)
    const calmMs = at.trueMs - (this.#calmMs.get(at.name) ?? at.trueMs)
    if (open && calmMs > 5 * TICK_MS) this.#blame(at, undefined, `the breaker holds after ${calmMs} ms of calm`)
  }

  /** Silence MUST be named in time, and decided in time, and what was decided MUST be what the moment asks for. */
  #judgeSilence(at: SimPlatform, peering: Peering): void {
    const { staleAfterMs, last, state, seen } = peering
    const silentMs = at.trueMs - Math.max(perhapsLastMs(peering), at.unshakenMs)
    if (silentMs > staleAfterMs + NAMED_MS + at.slackMs && !silenceOf(peering))
      this.#blame(at, peering, `not named after ${silentMs} ms of silence`)
    if (
      silentMs <= staleAfterMs + DECIDED_MS + at.slackMs ||
      state !== 'active' ||
      seen !== 'active' ||
      peering.probing.size > 0
    )
      return
    const decidedMs = at.trueMs - (last?.atMs ?? -Infinity)
    if (!last || decidedMs > silentMs) return this.#blame(at, peering, `not decided after ${silentMs} ms of silence`)
    const patientMs = {
      held: 2 * 60_000,
      rehandshaked: 2 * staleAfterMs,
      degraded: 0,
      alerted: 0,
      awaiting_approval: Infinity,
    }
    const newsMs = Math.min(decidedMs, at.trueMs - at.newsFlowsMs)
    const waitedMs = last.verdict.action === 'degraded' ? (at.works('bus') ? newsMs : 0) : decidedMs
    if (waitedMs > patientMs[last.verdict.action] + NAMED_MS)
      this.#blame(at, peering, `${last.verdict.action} ${last.verdict.whyHeld} ${decidedMs} ms ago, and still active`)
  }

  /** When all has been well for long enough. */
  judgeEnd(): void {
    for (const at of this.#world.platforms.values()) {
      if (at.breaker.since) this.#blame(at, undefined, 'the breaker holds at the end')
      for (const peering of at.peerings.values()) {
        if (peering.state !== 'active') this.#blame(at, peering, `is ${peering.state} at the end`)
        const silence = silenceOf(peering)
        if (silence) this.#blame(at, peering, `${silence.reason} is open at the end`)
        if (peering.row.announced !== 'heard')
          this.#blame(at, peering, `is told to be ${peering.row.announced} at the end`)
      }
    }
  }

  #blame(at: SimPlatform, peering: Peering | undefined, what: string): void {
    this.violations.push(
      `${(at.trueMs / 1_000).toFixed(3)} s, ${at.name}${peering ? ` of ${peering.them}` : ''}: ${what}`,
    )
  }
}

const watched = (at: SimPlatform): readonly Peering[] =>
  [...at.peerings.values()].filter(({ seen }) => seen === 'active')

/** The older of the last words of both directions, as we must know, */
const lastMs = ({ trueMs }: SimPlatform, { truth }: Peering): number =>
  Math.min(truth.inMs, trueMs - truth.echoedMs > DEADLINE_MS ? truth.outMs : truth.outBeforeMs)
/** and as we may. */
const perhapsLastMs = ({ truth }: Peering): number => Math.min(truth.inMs, truth.perhapsOutMs)

const quietMs = (at: SimPlatform, peering: Peering): number => at.trueMs - Math.max(lastMs(at, peering), at.listensMs)
