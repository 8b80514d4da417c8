import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { AlarmSchema } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import type { Alarm } from '../alarm.ts'
import { listAlarms, MOST } from '../operations/alarms/list-alarms.ts'
import { settleAlarm } from '../operations/alarms/settle-alarm.ts'
import type { LedgerTx, Tables } from '../store/tables.ts'

export const ALARM_CALLERS = {
  listAlarms: ['system.federation.read', 'service/peer-registry', 'service/liveness'],
  settleAlarm: ['system.infra_tasks.control'],
} as const satisfies Partial<CallersTable<typeof AuditLedgerService>>

export type AlarmDeps = { readonly db: Db<Tables>; readonly clock: Clock }

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof ALARM_CALLERS>

/** What was found about logs, and what an operator makes of it. */
export function alarmHandlers({ db, clock }: AlarmDeps): Handlers {
  const act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => inTransaction(db, (tx) => verb(tx, clock.now()))
  return {
    async listAlarms({ peerId, openOnly, pageSize, pageToken }) {
      const limit = pageSize || MOST
      const asked = { peerId, openOnly, beforeId: readPageToken(pageToken), limit: limit + 1 }
      const found = await act((tx, now) => listAlarms(tx, now, asked))
      const last = found.length > limit ? found[limit - 1] : undefined
      return { alarms: found.slice(0, limit).map(alarmToWire), nextPageToken: last?.id ?? '' }
    },

    async settleAlarm({ id, note }, context) {
      const { actor: by } = requestOf(context)
      return { alarm: alarmToWire(await act((tx, now) => settleAlarm(tx, now, { id, by, note }))) }
    },
  }
}

/** The id of the last alarm on the page before. */
function readPageToken(token: string): string | undefined {
  if (token === '') return undefined
  if (UUID.test(token)) return token
  throw new Refusal('PAGE_TOKEN_INVALID', 'this page token was not made here', { next: 'begin again without one' })
}
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const alarmToWire = ({ at, settled, ...found }: Alarm): MessageInitShape<typeof AlarmSchema> => ({
  ...found,
  at: timestampFromDate(at),
  ...(settled && { settledAt: timestampFromDate(settled.at), settledBy: settled.by, settledNote: settled.note }),
})
