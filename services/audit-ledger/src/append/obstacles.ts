import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Logger, Metrics } from '@powernode/process'
import type { Health } from '@powernode/rpc'

/** What keeps this ledger from writing down: while there is anything, health says NOT_SERVING, and appends are refused. */
export type Obstacles = {
  /** Says what is in the way, by the name of the part that found it; undefined when nothing is any more. */
  readonly set: (part: string, why: string | undefined) => void
  /** What is in the way of writing, other than what the writing itself has met: that is tried again each time. */
  readonly ofOthers: () => string | undefined
}

/** The part that says whether the last append succeeded. */
export const APPENDING = 'appending'

export function createObstacles({
  health,
  logger,
  metrics,
}: {
  readonly health: Health
  readonly logger: Logger
  readonly metrics: Metrics
}): Obstacles {
  const found = new Map<string, string>()
  const gauge = metrics.gauge('fed_audit_writable', '1 while entries can be written down, 0 while they are refused')
  gauge.set(1)
  return {
    set(part, why) {
      const before = found.get(part)
      if (before === why) return
      if (why === undefined) found.delete(part)
      else found.set(part, why)
      const well = found.size === 0
      gauge.set(well ? 1 : 0)
      for (const service of ['', AuditLedgerService.typeName]) health.set(service, well)
      if (why !== undefined) logger.error({ task: part, reason: why }, 'nothing can be written down')
      else logger.info({ task: part, reason: before }, 'entries can be written down again')
    },
    ofOthers() {
      for (const [part, why] of found) if (part !== APPENDING) return why
      return undefined
    },
  }
}
