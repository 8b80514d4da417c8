import type { ServiceImpl } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { CallersTable } from '@powernode/rpc'
import { listEntries } from './operations/list-entries.ts'
import { listEvents } from './operations/list-events.ts'
import { beginFeed, readFeed } from './operations/read-feed.ts'
import { verifyLog } from './operations/verify-log.ts'
import { createDecisionRecorder } from './rpc/decision-recorder.ts'
import { decisionHandlers } from './rpc/decisions.ts'
import type { Watchers } from './rpc/watchers.ts'
import { bytes, entryToWire, eventToWire, filterFromWire } from './rpc/wire.ts'
import type { LedgerTx, Tables } from './store/tables.ts'

/**
 * Who may call each RPC. The ledger is read by people; services only ever add to it: by announcing, and the gateway by
 * saying what it decided, which has to be written before its caller is answered.
 */
export const CALLERS = {
  listEntries: ['system.federation.read'],
  verifyLog: ['system.federation.read'],
  listEvents: ['system.federation.read'],
  watchEvents: ['system.federation.read'],
  recordDecisions: ['service/federation-gateway'],
  getDecision: ['system.federation.read'],
  listDecisions: ['system.federation.read', 'service/grant-authz'],
} as const satisfies CallersTable<typeof AuditLedgerService>

export type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly watchers: Watchers }

const DEFAULT_LIMIT = 100
/** A watcher looks by itself this often, should a wake-up ever be lost. */
const SLOW_TIMER_MS = 5_000

export function handlers({ db, clock, watchers }: Deps): ServiceImpl<typeof AuditLedgerService> {
  const act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => inTransaction(db, (tx) => verb(tx, clock.now()))

  return {
    ...decisionHandlers({ db, clock, recorder: createDecisionRecorder({ db, clock }) }),

    async listEntries({ peerId: log, afterSequence, limit }) {
      const said = { log, after: Number(afterSequence), limit: limit || DEFAULT_LIMIT }
      const { entries, head } = await act((tx, now) => listEntries(tx, now, said))
      return { entries: entries.map(entryToWire), size: BigInt(head.size), head: bytes(head.hash) }
    },

    async verifyLog({ peerId: log }) {
      const { head, broken } = await act((tx, now) => verifyLog(tx, now, { log }))
      return {
        intact: broken === undefined,
        size: BigInt(head.size),
        head: bytes(head.hash),
        brokenAt: BigInt(broken?.sequence ?? 0),
        detail: broken?.flaw ?? '',
      }
    },

    async listEvents(request) {
      const said = { filter: filterFromWire(request), limit: request.limit || DEFAULT_LIMIT }
      const events = await act((tx, now) => listEvents(tx, now, said))
      return { events: events.map(eventToWire) }
    },

    /** One cursor from history into the present: what lies behind it was sent, what lies before it was not. */
    async *watchEvents(request, { signal }) {
      const filter = filterFromWire(request)
      const { bell, leave } = watchers.join()
      try {
        let cursor = await act((tx, now) => beginFeed(tx, now, filter))
        while (!signal.aborted) {
          const said = { filter, cursor }
          const read = await act((tx, now) => readFeed(tx, now, said))
          for (const event of read.events) yield { event: eventToWire(event) }
          cursor = read.cursor
          if (!read.more) await bell.wait(clock, SLOW_TIMER_MS, signal)
        }
      } finally {
        leave()
      }
    },
  }
}
