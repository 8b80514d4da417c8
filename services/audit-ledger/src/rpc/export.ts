import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'

export const EXPORT_CALLERS = {
  exportLog: ['system.federation.read'],
} as const

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof EXPORT_CALLERS>

export function exportHandlers(): Handlers {
  const notYet = () => new ConnectError('not served yet', Code.Unimplemented)
  return {
    async *exportLog() {
      yield {}
      throw notYet()
    },
  }
}
