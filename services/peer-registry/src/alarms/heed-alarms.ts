import type { Client } from '@connectrpc/connect'
import { patient, type Clock } from '@powernode/clock'
import { Doorbell } from '@powernode/events'
import { inTransaction, type Db, type Listener } from '@powernode/postgres'
import { runTasks, type Logger } from '@powernode/process'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { heedAlarm, type Alarm, type ForkPolicy } from '../operations/heed-alarm.ts'
import * as heededAlarms from '../store/heeded-alarms.ts'
import type { Tables } from '../store/tables.ts'

/** What is asked of audit-ledger. */
export type Alarms = Pick<Client<typeof AuditLedgerService>, 'listAlarms'>

type Deps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly alarms: Alarms
  readonly policy: ForkPolicy
  readonly clock: Clock
  readonly logger: Logger
}

const SLOWEST_LOOK_MS = 60_000
const AGAIN_MS = 2_000
const ASK_MS = 5_000

/**
 * Acts upon what audit-ledger has found out about peers: a fork or a rollback of a peer's own log.
 *
 * An event only rings: whoever owns the bus can say anything, and must not be able to cut off a peer. What counts is what
 * audit-ledger itself answers over mTLS. It is asked once a minute as well, so a lost event costs a minute.
 */
export async function heedAlarms(deps: Deps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen(heededAlarms.ALARMS_CHANNEL, () => bell.ring(), stop),
    async (stop) => {
      while (!stop.aborted) await bell.wait(deps.clock, (await look(deps, stop)) ? SLOWEST_LOOK_MS : AGAIN_MS, stop)
    },
  ])
}

/** One look; false when audit-ledger, or our database, could not be asked. */
async function look({ db, alarms, policy, clock, logger }: Deps, signal: AbortSignal): Promise<boolean> {
  try {
    const open = (await alarms.listAlarms({ openOnly: true }, { signal, timeoutMs: patient(ASK_MS) })).alarms.filter(
      isTheirs,
    )
    if (open.length === 0) return true
    const fresh = await inTransaction(db, (tx) =>
      heededAlarms.unheeded(
        tx,
        open.map(({ id }) => id),
      ),
    )
    for (const alarm of open.filter(({ id }) => fresh.has(id))) {
      const suspended = await heed({ db, clock }, alarm, policy)
      logger.warn({ task: 'alarms', peer_id: alarm.peerId, state: suspended ? 'suspended' : 'left' }, 'alarm heeded')
    }
    return true
  } catch (error) {
    if (!signal.aborted) logger.warn({ task: 'alarms', error }, 'alarms could not be asked for')
    return false
  }
}

/** Of a peer that is gone nothing is left to be suspended. */
async function heed({ db, clock }: Pick<Deps, 'db' | 'clock'>, alarm: Alarm, policy: ForkPolicy): Promise<boolean> {
  try {
    return await inTransaction(db, (tx) => heedAlarm(tx, clock.now(), { alarm, policy }))
  } catch (error) {
    if (refusalOf(error)?.reason === 'PEER_NOT_FOUND') return false
    throw error
  }
}

/** A contradiction in their log is their doing. One in ours is ours, and no reason to set them aside. */
const isTheirs = ({ whose, kind }: { whose: string; kind: string }): boolean =>
  whose === 'theirs' && (kind === 'fork' || kind === 'rollback')
