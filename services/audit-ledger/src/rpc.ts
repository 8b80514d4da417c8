import type { ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { CallersTable } from '@powernode/rpc'
import { ALARM_CALLERS } from './rpc/alarms.ts'
import { APPEND_CALLERS, appendHandlers, type AppendDeps } from './rpc/append.ts'
import { DECISION_CALLERS, decisionHandlers } from './rpc/decisions.ts'
import { ERASURE_CALLERS, erasureHandlers, type ErasureDeps } from './rpc/erasure.ts'
import { EVENT_CALLERS, eventHandlers, type EventDeps } from './rpc/events.ts'
import { EXCERPT_CALLERS } from './rpc/excerpts.ts'
import { EXPORT_CALLERS } from './rpc/export.ts'
import { LOG_CALLERS, logHandlers, type LogDeps } from './rpc/logs.ts'
import { MIRROR_CALLERS } from './rpc/mirror.ts'
import { RECONCILE_CALLERS } from './rpc/reconcile.ts'
import { WITNESS_CALLERS } from './rpc/witness.ts'

/** Who may call each RPC: the areas say it beside their handlers. An RPC without a row does not compile. */
export const CALLERS = {
  ...APPEND_CALLERS,
  ...DECISION_CALLERS,
  ...LOG_CALLERS,
  ...ERASURE_CALLERS,
  ...EVENT_CALLERS,
  ...WITNESS_CALLERS,
  ...ALARM_CALLERS,
  ...MIRROR_CALLERS,
  ...EXCERPT_CALLERS,
  ...RECONCILE_CALLERS,
  ...EXPORT_CALLERS,
} as const satisfies CallersTable<typeof AuditLedgerService>

export type CoreDeps = AppendDeps & LogDeps & ErasureDeps & EventDeps

/** The logs that are ours: writing to them, reading, proving, and what may be taken out of them. */
export function coreHandlers(deps: CoreDeps): Core {
  return {
    ...appendHandlers(deps),
    ...decisionHandlers(deps),
    ...logHandlers(deps),
    ...erasureHandlers(deps),
    ...eventHandlers(deps),
  }
}

type Core = Pick<
  ServiceImpl<typeof AuditLedgerService>,
  | keyof typeof APPEND_CALLERS
  | keyof typeof DECISION_CALLERS
  | keyof typeof LOG_CALLERS
  | keyof typeof ERASURE_CALLERS
  | keyof typeof EVENT_CALLERS
>
