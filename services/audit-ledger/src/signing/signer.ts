import { Doorbell, type Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import { formatCheckpoint, rootAt, signNote } from '@powernode/tlog'
import type { LedgerKeys } from '../ledger-keys.ts'
import type { Held } from '../operations/append/growth.ts'
import { holdDamaged } from '../operations/sign/hold-damaged.ts'
import { keepCheckpoints } from '../operations/sign/keep-checkpoints.ts'
import * as checkpoints from '../store/checkpoints.ts'
import * as logs from '../store/logs.ts'
import type { Tables } from '../store/tables.ts'
import { LogDamaged, tileReader } from '../store/tiles.ts'

type Checkpoint = checkpoints.Checkpoint

export type Signer = {
  /** Something was committed, and this is where those logs end now. */
  readonly grown: (ends: ReadonlyMap<string, Held>) => void
  /** Something was committed, it is not said in which log. */
  readonly look: () => void
  readonly run: (signal: AbortSignal) => Promise<void>
}

export type SignerDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly keys: LedgerKeys
}

/**
 * Between two rounds: a log that is written to all the time is signed no more often, since every checkpoint is kept for ever;
 * and often enough that its entries are signed 100 ms after their commit. What comes after a pause is signed at once.
 */
const ROUND_MS = 50
/** Logs signed at one go; between two the process does other things. */
const AT_ONCE = 64
/** For what nobody rang for: another replica ended between its commit and its signature. */
const LOOK_MS = 2_000
const RETRY_MS = 1_000

/**
 * Signs the ends of logs once they are committed, never before: what was signed can not be lost any more.
 *
 * Any replica signs, also what another has written. Of each size one checkpoint is kept, in the database before anybody gets it,
 * so however many sign, they sign one tree.
 */
export function createSigner({ db, clock, logger, metrics, keys }: SignerDeps): Signer {
  const bell = new Doorbell()
  const due = new Map<number, { readonly log: { id: number; name: string }; readonly end: Held }>()
  const origins = new Map<number, string>()
  const age = metrics.gauge(
    'fed_audit_unsigned_age_seconds',
    'For how long the oldest commit has waited for its checkpoint',
  )
  const signatures = metrics.counter('fed_audit_checkpoints_signed_total', 'Checkpoints signed')
  let waiting: (() => number) | undefined
  /** Since all logs were looked at. */
  let looked: (() => number) | undefined

  const originOf = async (id: number): Promise<string> => {
    const known = origins.get(id)
    if (known !== undefined) return known
    const log = await inTransaction(db, (tx) => logs.byId(tx, id))
    if (!log) throw new Error(`log ${id} is not there`)
    origins.set(id, log.origin)
    return log.origin
  }
  const signed = ({ logId, origin, size, root }: { logId: number; origin: string; size: number; root: Uint8Array }) => {
    const note = signNote(formatCheckpoint({ origin, size, root }), [keys.signerOf(origin)])
    return { logId, size, root, note, signedAt: clock.now() }
  }
  const keep = async (made: readonly Checkpoint[]): Promise<readonly number[]> => {
    if (made.length === 0) return []
    const { altered } = await inTransaction(db, (tx) => keepCheckpoints(tx, clock.now(), made))
    signatures.inc(made.length)
    if (altered.length > 0)
      logger.error(
        { problems: altered.map((id) => `log ${id}`) },
        'a tree is not the one that was signed: its log is on hold',
      )
    return altered
  }

  /** What this process has committed: its roots are in memory. */
  const signOwn = async () => {
    while (due.size > 0) {
      const batch = [...due.values()].slice(0, AT_ONCE)
      const made: Checkpoint[] = []
      for (const { log, end } of batch) {
        const origin = await originOf(log.id)
        made.push(signed({ logId: log.id, origin, size: end.edge.size, root: end.edge.root() }))
      }
      await keep(made)
      // What grew meanwhile is due again.
      for (const { log, end } of batch) if (due.get(log.id)?.end === end) due.delete(log.id)
    }
  }
  /**
   * What others have committed and not signed. Whoever has not followed a tree looks first whether it still has the root that
   * was signed last.
   */
  const signOthers = async () => {
    for (let found = AT_ONCE; found === AT_ONCE;) {
      const { made, before } = await inTransaction(db, async (tx) => {
        const unsigned = await logs.unsigned(tx, AT_ONCE)
        found = unsigned.length
        const [made, before]: [Checkpoint[], Checkpoint[]] = [[], []]
        for (const log of unsigned) {
          const { id, origin, size } = log
          try {
            const newest = await checkpoints.newest(tx, id)
            if (newest) before.push({ ...newest, root: await rootAt(tileReader(tx, id), newest.size) })
            made.push(signed({ logId: id, origin, size, root: await rootAt(tileReader(tx, id), size) }))
          } catch (error) {
            if (!(error instanceof LogDamaged)) throw error
            logger.error({ task: 'sign', error }, 'the tree of a log cannot be computed: it is on hold')
            await holdDamaged(tx, clock.now(), { log, reason: error.message })
          }
        }
        return { made, before }
      })
      const altered = await keep(before)
      await keep(made.filter(({ logId }) => !altered.includes(logId)))
    }
  }

  return {
    grown(ends) {
      if (ends.size === 0) return
      waiting ??= elapsed()
      for (const [name, end] of ends) due.set(end.id, { log: { id: end.id, name }, end })
      bell.ring()
    },

    look() {
      looked = undefined
      bell.ring()
    },

    async run(signal) {
      while (!signal.aborted) {
        try {
          if (!looked || looked() >= LOOK_MS) {
            looked = elapsed() // before, so that whoever rings meanwhile is heard
            await signOthers()
          }
          if (due.size === 0) await bell.wait(clock, LOOK_MS, signal)
          age.set((waiting?.() ?? 0) / 1_000)
          waiting = undefined
          await signOwn()
          await clock.sleep(ROUND_MS, signal)
        } catch (error) {
          waiting ??= elapsed()
          looked = undefined
          logger.error({ task: 'sign', error }, 'checkpoints cannot be signed yet')
          await clock.sleep(RETRY_MS, signal)
        }
      }
    },
  }
}
