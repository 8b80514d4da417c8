import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import type { PeerState } from '../../announcement.ts'
import type { Probe, Remediation } from '../../diary.ts'
import { approveRemediation } from '../../operations/approve-remediation.ts'
import type { Policy } from '../../operations/decide-signals.ts'
import { settleRemediation } from '../../operations/settle-remediation.ts'
import { showStatus } from '../../operations/show-status.ts'
import { silencePeers } from '../../operations/silence-peers.ts'
import { announced, at, livenessDatabase } from '../../operations/testing.ts'
import { tick, type Ticked } from '../../operations/tick.ts'
import type { KnownPeer } from '../../operations/observe-peers.ts'
import type { Probed, Reason } from '../../remediation/types.ts'
import { endsOf } from '../../remediation/sense.ts'
import * as listening from '../../store/listening.ts'
import * as remediations from '../../store/remediations.ts'
import * as signals from '../../store/signals.ts'
import type { Tables } from '../../store/tables.ts'

export const TICK_MS = 10_000
export const STALE_MS = 300_000
const PLATFORM = 'a'.repeat(32)

/** A platform whose time the test moves: the verbs of the loop over a real database, tick by tick, without the loop. */
export class World {
  readonly database: TestDatabase<Tables>
  readonly peers = new Map<string, KnownPeer>()
  readonly since = new Map<string, Date>()
  readonly busy = new Set<string>()
  policy: Policy = { verb: 'notify_and_proceed', halted: false }
  /** Milliseconds since the start, by the wall clock. */
  nowMs = 0
  #overdue: readonly string[] = []
  #last: { readonly at: Date; readonly elapsedMs: number } | undefined
  #elapsedMs = 0

  private constructor(database: TestDatabase<Tables>) {
    this.database = database
  }

  static async open(): Promise<World> {
    return new World(await livenessDatabase())
  }

  /** Peers with which beats went both ways at `heardMs`. */
  async heard(ids: readonly string[], heardMs = this.nowMs, state: PeerState = 'active'): Promise<void> {
    for (const peerId of ids) this.peers.set(peerId, { peerId, state, staleAfterMs: STALE_MS, certificates: [] })
    const [heardAt, silentAt] = [at(heardMs), at(heardMs + STALE_MS)]
    await sql`
      insert into freshness (peer_id, stale_after_ms, last_heard_at, last_heard_by_them_at, announced, announced_at, silent_at)
      select id, ${STALE_MS}, ${heardAt}, ${heardAt}, 'heard', ${heardAt}, ${silentAt} from unnest(${ids}::uuid[]) as id
      on conflict (peer_id) do update set
        last_heard_at = excluded.last_heard_at, last_heard_by_them_at = excluded.last_heard_by_them_at,
        announced = 'heard', silent_at = excluded.silent_at`.execute(this.database.db)
  }

  /** Only this direction was heard at that moment. */
  async heardOneWay(peerId: string, column: 'last_heard_at' | 'last_heard_by_them_at'): Promise<void> {
    const now = at(this.nowMs)
    await sql`update freshness set ${sql.ref(column)} = ${now} where peer_id = ${peerId}`.execute(this.database.db)
  }

  move(peerId: string, state: PeerState): void {
    const peer = this.peers.get(peerId)
    if (peer) this.peers.set(peerId, { ...peer, state })
  }

  expect(peerId: string, sinceMs: number): void {
    this.since.set(peerId, at(sinceMs))
    this.#overdue = [...this.#overdue, peerId]
  }

  /** Lets time pass in which the loop ticks and the sweep sweeps. The gateway is there unless said otherwise. */
  async pass(ms: number, { ear = true, changed = [] as readonly string[] } = {}): Promise<readonly Ticked[]> {
    const ticks: Ticked[] = []
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      await this.jump(TICK_MS)
      ticks.push(await this.tick({ ear, changed }))
    }
    return ticks
  }

  /** Time passes and nobody ticks: we are down, or stalled. */
  async jump(ms: number, { clockMs = 0, sweeps = true } = {}): Promise<void> {
    this.nowMs += ms + clockMs
    this.#elapsedMs += ms
    if (sweeps) await this.sweep()
  }

  sweep(): Promise<number> {
    return this.#act((tx, now) => silencePeers(tx, now, { limit: 1_000 }))
  }

  /** Another process leads from here on: what the one before remembered is gone. */
  restart(): void {
    this.#last = undefined
  }

  async tick({ ear = true, changed = [] as readonly string[] } = {}): Promise<Ticked> {
    if (ear) await this.#act((tx, now) => listening.keepEar(tx, now))
    const last = this.#last && { at: this.#last.at, elapsedMs: this.#elapsedMs - this.#last.elapsedMs }
    const expected = {
      since: this.since,
      overdue: this.#overdue,
      endingWithin: (ms: number) => this.#endingWithin(ms),
      changed,
    }
    const { peers, busy, policy } = this
    const said = { tickMs: TICK_MS, last, platformId: PLATFORM, peers, expected, busy, policy }
    const ticked = await this.#act((tx, now) => tick(tx, now, said))
    this.#last = { at: ticked.now, elapsedMs: this.#elapsedMs }
    return ticked
  }

  /** What was handed out to be probed comes back with this. */
  settle(
    { probes }: Pick<Ticked, 'probes'>,
    probed: Probed,
    said: readonly Probe[] = [],
  ): Promise<readonly (Remediation | undefined)[]> {
    const came = { peers: this.peers, since: this.since, probed, probes: said, policy: this.policy, tickMs: TICK_MS }
    return Promise.all(
      probes.map((one) => this.#act((tx, now) => settleRemediation(tx, now, { ...came, ...one, asker: undefined }))),
    )
  }

  /** Ticks until somebody is to be probed, and answers for all who are. */
  async decide(probed: Probed, mostMs = 60_000): Promise<readonly (Remediation | undefined)[]> {
    for (let passed = 0; passed < mostMs; passed += TICK_MS) {
      const [ticked] = await this.pass(TICK_MS)
      if (ticked && ticked.probes.length > 0) return this.settle(ticked, probed)
    }
    return []
  }

  approve = (peerId: string, reason: Reason, approvalId: string) =>
    this.#act((tx, now) => approveRemediation(tx, now, { peerId, reason, approvalId }))

  status = () => this.#act(showStatus)

  open = (peerId = '') =>
    inTransaction(this.database.db, (tx) =>
      signals.page(tx, { peerId, includeClosed: false, beforeId: undefined, limit: 1_000 }),
    )

  diary = (peerId = '') =>
    inTransaction(this.database.db, (tx) => remediations.page(tx, { peerId, beforeId: undefined, limit: 1_000 }))

  /** The words of all news, oldest first. */
  news = async (): Promise<readonly (string | undefined)[]> =>
    (await announced(this.database.db)).map(({ word }) => word)

  #endingWithin(certWarningMs: number) {
    const ends = [...this.peers.values()].map(
      ({ peerId, certificates }) => [peerId, endsOf(certificates, at(this.nowMs), { certWarningMs })] as const,
    )
    return {
      expiring: ends.flatMap(([peerId, { expiring }]) => (expiring ? [peerId] : [])),
      expired: ends.flatMap(([peerId, { expired }]) => (expired ? [peerId] : [])),
    }
  }

  #act<Result>(verb: (tx: Parameters<typeof tick>[0], now: Date) => Promise<Result>): Promise<Result> {
    return inTransaction(this.database.db, (tx) => verb(tx, at(this.nowMs)))
  }
}
