import type { Tick, Listening } from '../../services/liveness/src/remediation/listening.ts'
import { CLOSED, type Breaker } from '../../services/liveness/src/remediation/breaker.ts'
import type { Mode, Settings, Verb } from '../../services/liveness/src/remediation/types.ts'
import { backUp, type Backup } from './backup.ts'
import type { Draw } from './draw.ts'
import { Heart } from './heart.ts'
import type { Net } from './net.ts'
import type { Entry, Peering, SimBeat } from './peering.ts'
import type { Rules } from './rules.ts'
import type { Timeline } from './timeline.ts'
import { TICK_MS, Watch } from './watch.ts'

/** What can fail of a platform. `machine` takes all the others with it. */
export const PARTS = ['machine', 'liveness', 'database', 'gateway', 'bus'] as const
export type Part = (typeof PARTS)[number]

/** Who is told what happens, and compares it with what is true. */
export type Witness = {
  heard(at: SimPlatform, peering: Peering, beat: SimBeat, receivedMs: number): void
  silenced(at: SimPlatform, peering: Peering): void
  ticked(at: SimPlatform, tick: Tick, anew: boolean): void
  decided(at: SimPlatform, peering: Peering, entry: Entry): void
  asked(at: SimPlatform, peering: Peering): void
  moved(at: SimPlatform, peering: Peering, from: string): void
}

export type World = {
  readonly timeline: Timeline
  readonly net: Net
  readonly draw: Draw
  /** Chance for what was added later: what it decides leaves the worlds as they were. */
  readonly spare: Draw
  readonly rules: Rules
  readonly platforms: Map<string, SimPlatform>
  witness: Witness
}

/** When the world begins, by a clock that is right. */
const BEGINNING = Date.UTC(2026, 0, 1)
const SLOWEST_NEWS_MS = 400

/** A platform in memory: peer-registry's states, liveness' heart and watch, and the parts that may fail it. */
export class SimPlatform {
  readonly name: string
  readonly world: World
  readonly peerings = new Map<string, Peering>()
  readonly settings: Settings
  mode: Mode = 'acting'
  epoch = 0n
  readonly backups: Backup[] = []
  /** How often it was restored from one. */
  restores = 0
  verb: Verb = 'notify_and_proceed'
  /** As it stands in the database: survives a restart of liveness, and passes from leader to leader. */
  breaker: Breaker = CLOSED
  /** When which peers were degraded, of our clock: each counts once. */
  readonly degraded = new Map<Peering, Date>()
  listening: Listening | undefined
  heart: Heart | undefined
  watch: Watch | undefined
  /** Since when, truly, nothing of its own has kept it from hearing; and since when not even for a moment. */
  listensMs = 0
  unshakenMs = 0
  /** What sets of its clock that are too small to count may make of a time. */
  slackMs = 0
  /** Since when its news has not been held up. */
  newsFlowsMs = 0
  #wallOffsetMs: number
  #tickedOffsetMs: number
  readonly #broken = new Map<Part, number>()
  readonly #brokenMs = new Map<Part, number>()
  #waiting: (() => void)[] = []
  #news: (() => void)[] = []

  constructor(world: World, said: { name: string; wallOffsetMs: number; settings: Settings }) {
    this.world = world
    this.name = said.name
    this.settings = said.settings
    this.#wallOffsetMs = this.#tickedOffsetMs = said.wallOffsetMs
  }

  /** Whatever happens to it, somebody copies its database from time to time. */
  backUpEvery(ms: number): void {
    this.backups.push(backUp(this))
    this.world.timeline.after(ms, () => this.backUpEvery(ms))
  }

  start(): void {
    this.heart = new Heart(this)
    this.watch = new Watch(this)
  }

  /** Another replica leads from here on. The one before notices within a second, and ticks and acts until then. */
  moveLeader(): void {
    const before = this.watch
    if (!before || !this.works('liveness')) return
    this.world.timeline.after(this.world.spare.whole(1, 1_000), () => before.end())
    this.watch = new Watch(this)
  }

  get trueMs(): number {
    return this.world.timeline.nowMs
  }

  now(): Date {
    return new Date(BEGINNING + this.world.timeline.nowMs + this.#wallOffsetMs)
  }

  works(part: Part): boolean {
    return !this.#broken.get('machine') && !this.#broken.get(part)
  }

  /** Breaks a part; the answer mends it. What was broken twice has to be mended twice. */
  break(part: Part): () => void {
    const worked = this.#working()
    this.#broken.set(part, (this.#broken.get(part) ?? 0) + 1)
    if (this.#broken.get(part) === 1) this.#brokenMs.set(part, this.trueMs)
    this.#follow(worked)
    let mended = false
    return () => {
      if (mended) return
      mended = true
      const before = this.#working()
      this.#broken.set(part, this.#broken.get(part)! - 1)
      this.#shaken(part)
      this.#follow(before)
    }
  }

  jump(ms: number): void {
    this.#wallOffsetMs += ms
    this.unshakenMs = this.trueMs
    this.slackMs = 2 * TICK_MS
  }

  /** A clock that was set, and back again before anybody looked, has not been set. */
  ticked(isFirst: boolean): void {
    const setMs = Math.abs(this.#wallOffsetMs - this.#tickedOffsetMs)
    if (setMs > (isFirst ? UNSEEN_JUMP_MS : SMALL_JUMP_MS)) this.listensMs = this.trueMs
    this.#tickedOffsetMs = this.#wallOffsetMs
  }

  get hears(): boolean {
    return this.#working().every((works) => works)
  }

  /** Commits now, or when the database is back; a liveness that stops before then has lost it. */
  write(commit: () => void): void {
    if (this.works('database')) commit()
    else this.#waiting.push(commit)
  }

  /** News of liveness that peer-registry acts upon, and what liveness is told of that. */
  tell(peering: Peering, news: 'heard' | 'unreachable'): void {
    const { timeline, draw } = this.world
    const told: Told = { news, at: this.now(), trueMs: this.trueMs }
    const act = () => {
      if (this.works('bus') && this.works('database')) this.#register(peering, told)
      else this.#news.push(act)
    }
    timeline.after(draw.whole(1, SLOWEST_NEWS_MS), act)
  }

  #move(peering: Peering, move: 'heartbeat' | 'fallSilent'): void {
    const from = peering.state
    peering.state = this.world.rules.nextState(from as 'active', move)
    peering.stateMs = this.trueMs
    this.world.witness.moved(this, peering, from)
    this.world.timeline.after(this.world.draw.whole(1, 100), () => {
      peering.seen = peering.state
      this.heart?.follow(peering)
    })
  }

  #register(peering: Peering, { news, at, trueMs }: Told): void {
    if (this.world.rules.isOutdated(at, peering.heeded, this.now())) return
    peering.heeded = at
    if (news === 'heard') peering.heardNewsMs = Math.max(peering.heardNewsMs, trueMs)
    if (news === 'heard' && (peering.state === 'enrolled' || peering.state === 'degraded'))
      this.#move(peering, 'heartbeat')
    if (news === 'unreachable' && peering.state === 'active') this.#move(peering, 'fallSilent')
  }

  #working(): readonly boolean[] {
    return [this.works('liveness'), this.works('database'), this.works('gateway')]
  }

  #follow([livenessWorked, databaseWorked]: readonly boolean[]): void {
    if (livenessWorked && !this.works('liveness')) {
      this.heart = undefined
      this.watch?.end()
      this.watch = undefined
      this.#waiting = []
    }
    if (!databaseWorked && this.works('database')) for (const commit of this.#waiting.splice(0)) commit()
    if (!livenessWorked && this.works('liveness')) this.start()
    if (this.works('bus') && this.works('database')) {
      for (const act of this.#news.splice(0)) this.world.timeline.after(this.world.draw.whole(1, SLOWEST_NEWS_MS), act)
    }
  }

  #shaken(part: Part): void {
    if (part === 'bus') return void (this.newsFlowsMs = this.trueMs)
    this.unshakenMs = this.newsFlowsMs = this.trueMs
    const lastedMs = this.trueMs - (this.#brokenMs.get(part) ?? this.trueMs)
    // A gateway that was away between two ticks was not away; of one that is back the next tick counts from the one before.
    if (part === 'gateway' && lastedMs > TICK_MS) this.listensMs = Math.max(this.listensMs, this.trueMs - TICK_MS)
    else if (part !== 'gateway' && lastedMs > SHORT_GAP_MS) this.listensMs = this.trueMs
  }
}

/** News, when it was told by the wall clock, and when truly. */
type Told = { readonly news: 'heard' | 'unreachable'; readonly at: Date; readonly trueMs: number }

/** What is no more than this does not begin the listening anew: three ticks of nobody, a clock set by one. */
const SHORT_GAP_MS = 30_000
const SMALL_JUMP_MS = 10_000
/** Between two processes nobody can tell a clock that was set from time that has passed. */
const UNSEEN_JUMP_MS = 45_000
