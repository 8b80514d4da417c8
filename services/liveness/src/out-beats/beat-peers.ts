import { steady, type Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { chance, nextBeatAt, retryBeatAt } from '../beat-timing.ts'
import type { Change, PeerFeed } from '../feed/peer-feed.ts'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import { unheard, type Freshness } from '../freshness.ts'
import type { LedgerHeads } from '../heads/ledger-heads.ts'
import type { BeatMetrics } from '../metrics/beat-metrics.ts'
import { beginEpoch } from '../operations/begin-epoch.ts'
import { raiseEpoch } from '../operations/raise-epoch.ts'
import type { Recorder } from '../recorder/recorder.ts'
import * as freshness from '../store/freshness.ts'
import type { Nudge } from '../store/nudges.ts'
import type { OwnEpoch } from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import { Rhythms, type Rhythm } from './rhythms.ts'
import { sendBeat, type Gateway, type SentBeat } from './send-beat.ts'
import { createWake, type Wake } from './wake.ts'

export type BeatDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly feed: PeerFeed
  readonly recorder: Recorder
  readonly gateway: Gateway
  readonly heads: LedgerHeads
  readonly metrics: BeatMetrics
  readonly logger: Logger
}

/**
 * The beat of this platform: every peer that should hear from us does, at once after enrolment and then on its interval.
 *
 * One of these lives in a platform at a time (`lead`). What is due comes from memory; the nonces to echo are read
 * for all that are due in one query; what came of the beats is written in batches. So no peer costs a query of its own.
 */
export class PeerBeat {
  readonly #deps: BeatDeps
  /** Whose turn it is goes by this one: a wall clock that is set back would keep us from beating anybody until it has caught up. */
  readonly #steady: Clock
  readonly #rhythms: Rhythms
  readonly #wake: Wake
  readonly #underway = new Set<Promise<void>>()
  /** Peers whose memory of our epoch we have believed. One word each: a peer cannot drive our epoch on and on. */
  readonly #believed = new Set<string>()
  /** What we say of ourselves, as all who are beaten are told it or about to be. */
  #described: Buffer | undefined
  #own: OwnEpoch
  /**
   * Of our incarnation: one counter for all peers, because it MUST grow for each of them whatever happens to what we
   * remember of it. A peer that was suspended and resumed would take a smaller number for a replay.
   */
  #sequence = 0n

  private constructor(deps: BeatDeps, own: OwnEpoch, planned: ReadonlyMap<string, Date>) {
    this.#deps = deps
    this.#own = own
    this.#rhythms = new Rhythms(planned)
    this.#steady = steady(deps.clock)
    this.#wake = createWake(this.#steady)
  }

  /** Begins a new epoch. */
  static async begin(deps: BeatDeps): Promise<PeerBeat> {
    const { db, clock, metrics, logger } = deps
    const own = await inTransaction(db, (tx) => beginEpoch(tx, clock.now()))
    metrics.epoch.set(Number(own.epoch))
    logger.info({ epoch: Number(own.epoch) }, 'a new epoch has begun')
    return new PeerBeat(deps, own, await inTransaction(db, (tx) => freshness.plannedBeats(tx)))
  }

  /** Beats until `signal` aborts; then waits for the beats that are under way to be written down. */
  async run(signal: AbortSignal): Promise<void> {
    const { feed, metrics } = this.#deps
    feed.subscribe((change) => this.#onChange(change), signal)
    this.#onChange('all')
    while (!signal.aborted) {
      const ready = feed.local() !== undefined
      if (ready) await this.#sendDue(this.#steady.now(), signal)
      metrics.peers.set(this.#rhythms.size)
      metrics.inFlight.set(this.#rhythms.underway)
      await this.#wake.sleepUntil(ready ? this.#rhythms.nextAt() : undefined, signal)
    }
    await Promise.all(this.#underway)
    metrics.peers.set(0)
    metrics.inFlight.set(0)
  }

  /** Somebody asks that peers be beaten before their turn. */
  nudge({ peerIds, urgent }: Nudge): void {
    for (const peerId of peerIds) this.#rhythms.soon(peerId, this.#steady.now(), { demanded: urgent })
    this.#wake.now()
  }

  #onChange(change: Change): void {
    const { feed } = this.#deps
    const now = this.#steady.now()
    const all = change === 'all'
    for (const peerId of all ? this.#rhythms.peerIds() : [change.peerId]) {
      if (!feed.peers.has(peerId)) this.#rhythms.forget(peerId)
    }
    for (const peerId of all ? feed.peers.keys() : [change.peerId]) {
      const peer = feed.peers.get(peerId)
      if (peer) this.#rhythms.follow(peer, now)
    }
    if (all) this.#describeAnew(now)
    this.#wake.now()
  }

  #describeAnew(now: Date): void {
    const { feed } = this.#deps
    const before = this.#described
    this.#described = feed.local()?.descriptionSha256
    if (!before || !this.#described || before.equals(this.#described)) return
    for (const peer of feed.peers.values()) this.#rhythms.hasten(peer, now)
  }

  async #sendDue(now: Date, signal: AbortSignal): Promise<void> {
    const due = this.#rhythms.take(now)
    if (due.length === 0) return
    this.#deps.metrics.inFlight.set(this.#rhythms.underway)
    const rows = await this.#whatWeKnow(due.map(({ peerId }) => peerId))
    for (const rhythm of due) {
      const known = rows && (rows.get(rhythm.peerId) ?? unheard(rhythm.peerId, 0))
      const beat = this.#beat(rhythm, known, signal).finally(() => this.#underway.delete(beat))
      this.#underway.add(beat)
    }
  }

  /** The nonces to echo and the bookmarks to show, for all at once. Without a database a beat still says that we are here. */
  async #whatWeKnow(peerIds: readonly string[]): Promise<ReadonlyMap<string, Freshness> | undefined> {
    const { db, logger } = this.#deps
    try {
      return await inTransaction(db, (tx) => freshness.find(tx, peerIds))
    } catch (error) {
      logger.warn({ error, count: peerIds.length }, 'beating without knowing what we heard last')
      return undefined
    }
  }

  /** One beat, from sending to the row. A fault costs this beat, never the others. */
  async #beat(rhythm: Rhythm, known: Freshness | undefined, signal: AbortSignal): Promise<void> {
    const { feed, heads, logger } = this.#deps
    const [peer, local] = [feed.peers.get(rhythm.peerId), feed.local()]
    try {
      if (!peer || !local || signal.aborted) return
      rhythm.lastSentAt = this.#steady.now()
      this.#sequence += 1n
      const describe = !rhythm.told?.equals(local.descriptionSha256)
      const echoNonce = known?.lastNonce ?? null
      const ledgerHead = heads.ofPeer(peer.peerId)
      const bookmark = known?.heldBookmark ?? null
      const own = this.#own
      const said = { peer, own, sequence: this.#sequence, local, describe, echoNonce, ledgerHead, bookmark }
      const sent = await sendBeat(this.#deps, said, signal)
      if (signal.aborted && sent.kind === 'failed') return
      if (sent.kind === 'answered' && describe) rhythm.told = local.descriptionSha256
      if (sent.kind === 'answered') heads.told(peer.peerId, sent.response.ledgerHead)
      await this.#take(rhythm, peer, sent)
      if (sent.kind === 'answered') await this.#heed(rhythm, sent, { described: describe, own })
    } catch (error) {
      logger.error({ error, peer_id: rhythm.peerId }, 'a beat could not be recorded')
    } finally {
      this.#rhythms.landed(rhythm, this.#steady.now())
      this.#wake.now()
    }
  }

  /** Plans the next beat and writes down what came of this one. */
  async #take(rhythm: Rhythm, peer: WatchedPeer, sent: SentBeat): Promise<void> {
    const { recorder, metrics } = this.#deps
    const { heartbeatIntervalMs } = peer
    const now = this.#steady.now()
    metrics.heartbeats.inc({ direction: 'out', outcome: sent.kind })
    if (sent.kind === 'failed') {
      rhythm.failures += 1
      const nextBeat = retryBeatAt(now, heartbeatIntervalMs, rhythm.failures, chance())
      this.#rhythms.plan(rhythm, nextBeat)
      await recorder.add({ kind: 'failed', peer, beat: { ...sent.beat, nextBeatAt: this.#onTheWall(nextBeat) } })
      return
    }
    rhythm.failures = 0
    rhythm.stateThere = sent.beat.stateThere
    const nextBeat = nextBeatAt(now, heartbeatIntervalMs, chance())
    this.#rhythms.plan(rhythm, nextBeat)
    const { freshness } = await recorder.add({
      kind: 'answered',
      peer,
      beat: { ...sent.beat, nextBeatAt: this.#onTheWall(nextBeat) },
    })
    if (freshness.roundTripMs !== null) metrics.roundTrip.observe(freshness.roundTripMs / 1_000)
    if (freshness.clockOffsetMs !== null) metrics.clockOffset.observe(Math.abs(freshness.clockOffsetMs) / 1_000)
  }

  /** When the wall clock, as it goes now, will show what is planned. */
  #onTheWall(planned: Date): Date {
    return new Date(this.#deps.clock.now().getTime() + planned.getTime() - this.#steady.now().getTime())
  }

  /** What the answer asks of us: to describe ourselves, or to remember that we were restored from a backup. */
  async #heed(
    rhythm: Rhythm,
    { response, forgot }: SentBeat & { kind: 'answered' },
    { described, own }: { described: boolean; own: OwnEpoch },
  ): Promise<void> {
    if (response.wantPlatform) {
      rhythm.told = undefined
      if (!described) rhythm.again = 'yes' // who has just been told and asks again waits for the next turn
    }
    // What was forgotten in an epoch that has ended since was told already, by whoever ended it.
    const isNews = response.lastEpoch > this.#own.epoch || (forgot && own === this.#own)
    if (!isNews || this.#believed.has(rhythm.peerId)) return
    const { db, clock, metrics, logger } = this.#deps
    const said = { peerId: rhythm.peerId, rememberedEpoch: response.lastEpoch, own: this.#own }
    const raised = await inTransaction(db, (tx) => raiseEpoch(tx, clock.now(), said))
    if (!raised) return
    this.#believed.add(rhythm.peerId)
    this.#own = raised
    this.#sequence = 0n
    this.#rhythms.restart()
    rhythm.again = 'yes'
    metrics.epoch.set(Number(raised.epoch))
    logger.warn({ peer_id: rhythm.peerId, epoch: Number(raised.epoch) }, 'this platform was restored from a backup')
  }
}
