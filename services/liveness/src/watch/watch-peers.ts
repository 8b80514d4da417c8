import { inTransaction, lead } from '@powernode/postgres'
import { keepExpectations } from '../operations/keep-expectations.ts'
import { tick, type Ticked } from '../operations/tick.ts'
import type { ToProbe } from '../operations/decide-signals.ts'
import { budget } from '../remediation/breaker.ts'
import * as expectations from '../store/expectations.ts'
import * as loop from '../store/loop.ts'
import { Expectations } from './expectations.ts'
import { Forgetting } from './forgetting.ts'
import { Probing } from './probing.ts'
import { policyNow, remedyPeer } from './remedy-peer.ts'
import type { WatchDeps } from './watch-deps.ts'

/**
 * Looks after silent peers, in one replica of the platform: every tick says that we listen, notices, decides and acts.
 *
 * Probes go on beside the ticks. A tick that fails is no tick: when three in a row do, listening begins anew, and nobody is
 * degraded for what we could not hear.
 */
export async function watchPeers(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  await lead(deps, 'remediation', (leading) => new Watch(deps, leading).run(), signal)
}

class Watch {
  readonly #deps: WatchDeps
  readonly #signal: AbortSignal
  readonly #forgetting: Forgetting
  readonly #probing: Probing
  #expectations: Expectations | undefined
  #last: { readonly at: Date; readonly elapsed: number } | undefined

  constructor(deps: WatchDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
    this.#forgetting = new Forgetting(deps)
    this.#probing = new Probing({ clock: deps.clock, probe: (one) => this.#remedy(one), signal })
  }

  async run(): Promise<void> {
    const { clock, logger, metrics, tickMs } = this.#deps
    while (!this.#signal.aborted) {
      const began = clock.elapsed()
      try {
        await this.#tick(began)
        metrics.ticks.inc({ outcome: 'ok' })
        await this.#forgetting.run(this.#signal)
      } catch (error) {
        metrics.ticks.inc({ outcome: 'fault' })
        this.#expectations?.again()
        logger.error({ task: 'remediation', error }, 'a tick failed; the next one looks again')
      }
      await clock.sleep(Math.max(0, tickMs - (clock.elapsed() - began)), this.#signal)
    }
    await this.#probing.drain()
  }

  async #tick(began: number): Promise<void> {
    const { db, clock, feed, tickMs, metrics } = this.#deps
    const local = feed.local()
    // Who does not know the peers yet cannot say who is active; that we listen is not said either.
    if (!local || !feed.isComplete()) return
    const policy = policyNow(this.#deps)
    const { platformId } = local.description
    const expecting = await this.#expecting()
    const expected = expecting.look(clock.now())
    const said = { tickMs, platformId, peers: feed.peers, expected, busy: this.#probing.busy, policy }
    const { ticked, elapsed } = await inTransaction(db, async (tx) => {
      // Both clocks in one moment: a database that keeps us waiting between them would look like a clock that was set.
      const [now, elapsed] = [clock.now(), clock.elapsed()]
      const last = this.#last && { at: this.#last.at, elapsedMs: elapsed - this.#last.elapsed }
      await keepExpectations(tx, now, expecting.unkept())
      return { ticked: await tick(tx, now, { ...said, last }), elapsed }
    })
    expecting.kept()
    this.#last = { at: ticked.now, elapsed }
    const tookMs = clock.elapsed() - began
    metrics.tickSeconds.observe(tookMs / 1_000)
    await inTransaction(db, (tx) => loop.saveTook(tx, tookMs))
    this.#tell(ticked)
    this.#probing.add(ticked.probes)
  }

  /** What the leader before us knew is read with the first tick that can be made. */
  async #expecting(): Promise<Expectations> {
    const { db, feed } = this.#deps
    this.#expectations ??= new Expectations(feed, await inTransaction(db, expectations.all), this.#signal)
    return this.#expectations
  }

  #tell({ status, anew, breakerTurned, opened, closed, leftOut }: Ticked): void {
    const { metrics, logger } = this.#deps
    const { late, watched, breaker, openSignals, listening, settings, degradedLately } = status
    metrics.budget.set(Math.max(0, budget(watched, settings) - degradedLately))
    metrics.late.set(late)
    metrics.watched.set(watched)
    metrics.breaker.set(breaker.since ? 1 : 0)
    metrics.signals.set(openSignals)
    if (listening) metrics.listeningSince.set(listening.since.getTime() / 1_000)
    if (opened > 0) metrics.signalled.inc({ change: 'opened' }, opened)
    if (closed > 0) metrics.signalled.inc({ change: 'closed' }, closed)
    if (leftOut.length > 0) metrics.leftOut.inc({}, leftOut.length)
    for (const { peerId, error } of leftOut)
      logger.error({ task: 'remediation', peer_id: peerId, error }, 'a peer cannot be looked at, and is left out')
    if (breakerTurned) logger.warn({ task: 'remediation', state: breaker.since ? 'open' : 'closed' }, 'breaker')
    if (anew === undefined) return
    metrics.listeningAnew.inc()
    logger.warn({ task: 'remediation', reason: anew }, 'silence counts anew')
  }

  /** Without a tick of ours nobody was put in line: so the expectations are there. */
  async #remedy(toProbe: ToProbe): Promise<void> {
    const { logger, metrics } = this.#deps
    const since = this.#expectations?.since ?? new Map<string, Date>()
    try {
      const entry = await remedyPeer(this.#deps, { toProbe, since }, this.#signal)
      if (!entry) return
      metrics.decisions.inc({ action: entry.action })
      logger.info({ task: 'remediation', peer_id: entry.peerId, action: entry.action, reason: entry.reason }, 'decided')
    } catch (error) {
      if (this.#signal.aborted) return
      logger.error({ task: 'remediation', peer_id: toProbe.peerId, error }, 'a peer could not be remedied; the next tick looks again') // prettier-ignore
    }
  }
}
