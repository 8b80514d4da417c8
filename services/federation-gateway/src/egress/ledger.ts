import type { CallersTable } from '@powernode/rpc'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'

type LedgerCalls = 'addCheckpoint' | 'addEntries' | 'readMirror' | 'listAuditExcerpts' | 'getReceipt'

/**
 * Who of ours speaks to peers about ledgers: audit-ledger keeps ours and witnesses theirs, and operators ask a peer for
 * what it has written down about us, and for its receipts.
 */
export const LEDGER_CALLERS = {
  addCheckpoint: ['service/audit-ledger'],
  addEntries: ['service/audit-ledger'],
  readMirror: ['service/audit-ledger'],
  listAuditExcerpts: ['system.federation.read'],
  getReceipt: ['system.federation.read'],
} as const satisfies Pick<CallersTable<typeof FederationService>, LedgerCalls>
