import { NO_BOOKMARK, leapsOver, type Bookmark } from '../../services/liveness/src/bookmark.ts'
import type { Freshness } from '../../services/liveness/src/freshness.ts'
import { hearing, withPatience } from '../../services/liveness/src/freshness.ts'
import { Rhythms, type Rhythm } from '../../services/liveness/src/out-beats/rhythms.ts'
import { DEADLINE_MS } from './net.ts'
import type { Peering, SimBeat } from './peering.ts'
import type { SimPlatform } from './platform.ts'

/** What a beat is answered with. */
type Answer = {
  readonly receivedAt: Date
  readonly repliedAt: Date
  readonly state: string
  readonly lastEpoch: bigint
  /** None for late mail. */
  readonly bookmark: Bookmark | undefined
}

const NOTHING = Buffer.alloc(0)
const SWEEP_MS = 3_000
const RECONCILE_MS = 5_000
/** An unhurried look at all peers, whatever their state. */
const ALL_MS = 300_000

/**
 * liveness' heart, in memory: what beat-peers, record-beats, silence-peers and reconcile-loop do, around their own rules.
 *
 * Lives as long as its process: what comes back to one that has ended is lost.
 */
export class Heart {
  readonly #at: SimPlatform
  readonly #rhythms: Rhythms
  /** The clock by which it plans: nobody sets that one. */
  readonly #steadyOffsetMs: number
  #incarnation: Buffer
  #sequence = 0n
  readonly #believed = new Set<string>()
  #armedMs = Infinity

  constructor(at: SimPlatform) {
    this.#at = at
    const { draw } = at.world
    this.#steadyOffsetMs = at.now().getTime() - at.trueMs
    const planned = [...at.peerings.values()].flatMap(({ peerId, row }) =>
      row.nextBeatAt ? [[peerId, row.nextBeatAt] as const] : [],
    )
    this.#rhythms = new Rhythms(new Map(planned), draw.chance)
    this.#incarnation = draw.bytes()
    at.epoch += 1n
    for (const peering of at.peerings.values()) this.follow(peering)
    this.#repeat(SWEEP_MS, () => this.#sweep())
    this.#repeat(RECONCILE_MS, () => this.#reconcile(({ seen }) => seen === 'enrolled' || seen === 'degraded'))
    this.#repeat(ALL_MS, () => this.#reconcile(() => true))
  }

  follow({ peerId, seen: state, heartbeatIntervalMs, staleAfterMs }: Peering): void {
    const versionStatus = 'compatible'
    const peer = {
      peerId,
      state,
      heartbeatIntervalMs,
      staleAfterMs,
      trustBundleSequence: 1n,
      versionStatus,
      certificates: [],
    }
    this.#rhythms.follow(peer, this.#steady())
    this.#arm()
  }

  /** A beat of a peer's has reached our door. */
  receive(peering: Peering, beat: SimBeat, answer: (said: Answer) => void): void {
    const at = this.#at
    const [receivedAt, receivedMs] = [at.now(), at.trueMs]
    at.write(() => {
      this.#record(peering, beat, receivedAt)
      at.world.witness.heard(at, peering, beat, receivedMs)
      const { rememberedEpoch: lastEpoch, givenBookmark } = peering.row
      const bookmark = peering.replayed ? undefined : givenBookmark
      answer({ receivedAt, repliedAt: at.now(), state: peering.state, lastEpoch, bookmark })
    })
  }

  #record(peering: Peering, beat: SimBeat, heardAt: Date): void {
    const { rules } = this.#at.world
    const now = this.#at.now()
    const receivedAt = heardAt < now ? heardAt : now
    const before = withPatience(peering.row, peering.staleAfterMs)
    const { after, outcome } = rules.hearBeat(before, { ...beat, receivedAt })
    this.#keep(peering, after)
    if (outcome !== 'replayed') peering.lastNonce = beat
    peering.replayed = outcome === 'replayed'
    peering.restored = outcome === 'restored'
    if (after.consecutiveFailures > 0 || hearing(after, now) === 'we_hear_them') {
      this.#rhythms.soon(peering.peerId, this.#steady())
      this.#arm()
    }
  }

  /** Writes down what is known of a peer, and tells if beats go both ways again. */
  #keep(peering: Peering, noted: Freshness): void {
    const { after, announcement } = this.#at.world.rules.announceHeard(noted, peering.seen, this.#at.now())
    peering.row = after
    if (announcement) this.#at.tell(peering, 'heard')
  }

  #beatDue(): void {
    const at = this.#at
    if (at.works('database')) {
      for (const rhythm of this.#rhythms.take(this.#steady())) this.#beat(rhythm)
      return this.#arm()
    }
    at.world.timeline.after(SWEEP_MS, () => at.heart === this && this.#beatDue()) // the look at what we know waits for the database
  }

  #beat(rhythm: Rhythm): void {
    const at = this.#at
    const { net, draw, timeline } = at.world
    const peering = [...at.peerings.values()].find(({ peerId }) => peerId === rhythm.peerId)!
    rhythm.lastSentAt = this.#steady()
    this.#sequence += 1n
    const [nonce, sentAt, sentMs] = [draw.bytes(), at.now(), at.trueMs]
    peering.sent += 1
    const beat: SimBeat = {
      nonce,
      echoNonce: peering.row.lastNonce ?? NOTHING,
      epoch: at.epoch,
      incarnation: this.#incarnation,
      sequence: this.#sequence,
      bookmark: peering.row.heldBookmark,
      describes: false,
      descriptionSha256: NOTHING,
      trustBundleSequence: 1n,
      sentMs,
      order: peering.sent,
      echoed: peering.lastNonce,
      answeredMs: peering.answeredMs,
    }
    const shown = peering.row.heldBookmark
    const land = (answer: Answer | undefined) => {
      if (at.heart === this) at.write(() => this.#landed({ rhythm, peering, nonce, sentAt, sentMs, shown }, answer))
    }
    if (!at.works('gateway')) return timeline.after(1, () => land(undefined))
    net.call<Answer>({ from: at.name, to: peering.them }, (reply) => deliver(at, peering, beat, reply), land)
  }

  #landed(sent: Sent, answer: Answer | undefined): void {
    const { rhythm, peering, nonce, sentAt, sentMs } = sent
    const { rules, draw } = this.#at.world
    const [now, steady] = [this.#at.now(), this.#steady()]
    const onTheWall = (planned: Date) => new Date(now.getTime() + planned.getTime() - steady.getTime())
    const before = withPatience(peering.row, peering.staleAfterMs)
    rhythm.failures = answer ? 0 : rhythm.failures + 1
    const { heartbeatIntervalMs } = peering
    const next = answer
      ? rules.nextBeatAt(steady, heartbeatIntervalMs, draw.chance())
      : rules.retryBeatAt(steady, heartbeatIntervalMs, rhythm.failures, draw.chance())
    this.#rhythms.plan(rhythm, next)
    const nextBeatAt = onTheWall(next)
    if (answer) {
      peering.truth.outMs = Math.max(peering.truth.outMs, sentMs)
      peering.truth.outBeforeMs = Math.max(peering.truth.outBeforeMs, sentMs)
      peering.truth.perhapsOutMs = Math.max(peering.truth.perhapsOutMs, sentMs)
      const stamps = {
        theirReceivedAt: answer.receivedAt,
        theirSentAt: answer.repliedAt,
        stateThere: answer.state,
        versionStatusThere: '',
        bookmark: answer.bookmark ?? NO_BOOKMARK,
      }
      if (answer.bookmark) peering.answeredMs = this.#at.trueMs
      const beat = { nonce, sentAt, answeredAt: now, ...stamps, trustBundleSequence: 1n, nextBeatAt }
      this.#keep(peering, rules.noteAnswer(before, beat))
      this.#heed(rhythm, answer, leapsOver(sent.shown, answer.bookmark ?? NO_BOOKMARK))
    } else {
      const error = 'PEER_UNREACHABLE: no answer'
      this.#keep(peering, rules.noteFailure(before, { nonce, sentAt, failedAt: now, error, nextBeatAt }))
    }
    this.#rhythms.landed(rhythm, steady)
    this.#arm()
  }

  /** They remember a later epoch of ours, or what they gave us and we have not got: we were restored from a backup. */
  #heed(rhythm: Rhythm, { lastEpoch }: Answer, forgot: boolean): void {
    const { epoch } = this.#at
    if (!(lastEpoch > epoch || forgot) || this.#believed.has(rhythm.peerId)) return
    this.#believed.add(rhythm.peerId)
    this.#at.epoch = (lastEpoch > epoch ? lastEpoch : epoch) + 1n
    this.#incarnation = this.#at.world.draw.bytes()
    this.#sequence = 0n
    this.#rhythms.restart()
    rhythm.again = 'yes'
  }

  #sweep(): void {
    const { rules, witness } = this.#at.world
    const { listening, watch } = this.#at
    const now = this.#at.now()
    const nowMs = now.getTime()
    const listenedMs = nowMs - (listening?.since.getTime() ?? nowMs)
    for (const peering of this.#at.peerings.values()) {
      const { silentAt } = peering.row
      if (!silentAt || silentAt.getTime() > nowMs) continue // nearly always
      if (listenedMs < peering.staleAfterMs || !watch?.isListening(now)) continue
      const { after, announcement } = rules.announceSilent(peering.row, now)
      peering.row = after
      if (announcement) witness.silenced(this.#at, peering)
    }
  }

  #reconcile(which: (peering: Peering) => boolean): void {
    const { rules } = this.#at.world
    for (const peering of this.#at.peerings.values()) {
      if (!which(peering)) continue
      const { after, announcement } = rules.reconcile(peering.row, peering.seen, this.#at.now())
      peering.row = after
      if (announcement === 'heard') this.#at.tell(peering, 'heard')
    }
  }

  #repeat(everyMs: number, act: () => void): void {
    const { timeline } = this.#at.world
    const again = () => {
      if (this.#at.heart !== this) return
      if (this.#at.works('database')) act()
      timeline.after(everyMs, again)
    }
    timeline.after(everyMs, again)
  }

  #steady(): Date {
    return new Date(this.#at.trueMs + this.#steadyOffsetMs)
  }

  #arm(): void {
    const nextMs = this.#rhythms.nextAt()?.getTime()
    if (nextMs === undefined) return
    const atMs = Math.max(this.#at.trueMs, nextMs - this.#steadyOffsetMs)
    if (atMs >= this.#armedMs) return
    this.#armedMs = atMs
    this.#at.world.timeline.at(atMs, () => {
      if (this.#at.heart !== this || this.#armedMs !== atMs) return
      this.#armedMs = Infinity
      this.#beatDue()
    })
  }
}

type Sent = {
  readonly rhythm: Rhythm
  readonly peering: Peering
  readonly nonce: Buffer
  readonly sentAt: Date
  readonly sentMs: number
  readonly shown: Bookmark
}

/** A beat has crossed the network: the far door refuses it, or hands it to its heart. */
function deliver(from: SimPlatform, { them }: Peering, beat: SimBeat, reply: (said: Answer | undefined) => void): void {
  const far = from.world.platforms.get(them)!
  const theirs = far.peerings.get(from.name)
  if (!far.works('machine')) return // nobody there to say no
  if (!theirs || !far.works('gateway') || !far.heart) return reply(undefined)
  const giveUpMs = far.trueMs + DEADLINE_MS
  far.heart.receive(theirs, beat, (said) => (far.trueMs <= giveUpMs ? reply(said) : undefined))
}
