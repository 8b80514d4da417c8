import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { append } from '@powernode/events'
import {
  DifferencesFoundSchema,
  LogRecoveredSchema,
  LogsReconciledSchema,
} from '@powernode/proto/powernode/audit/v1/events_pb.ts'
import type { Difference } from '../comparison.ts'
import type { Compared } from '../operations/reconcile/compare-logs.ts'
import { differenceToWire, summaryToWire } from '../reconcile-wire.ts'
import type { LedgerTx } from '../store/tables.ts'

const US = 'service/audit-ledger'
const MOST_TOLD = 100

/** fed.audit.recovered.<peer>: entries that we had lost came back from the peer's mirror. */
export async function logRecovered(
  tx: LedgerTx,
  { peerId, from, to, at }: { readonly peerId: string; readonly from: number; readonly to: number; readonly at: Date },
): Promise<void> {
  const payload = create(LogRecoveredSchema, { peerId, from: BigInt(from), to: BigInt(to) })
  await append(tx, { ...about(peerId, at), word: 'recovered', severity: 'critical', payload })
}

/** fed.audit.reconciled.<peer>: the two logs were compared. */
export async function logsReconciled(tx: LedgerTx, peerId: string, compared: Compared, at: Date): Promise<void> {
  const { since, until } = compared
  const payload = create(LogsReconciledSchema, {
    peerId,
    since: timestampFromDate(since),
    until: timestampFromDate(until),
    summary: summaryToWire(compared),
  })
  await append(tx, { ...about(peerId, at), word: 'reconciled', payload })
}

/** fed.audit.difference_found.<peer>: calls that they do not tell alike. */
export async function differencesFound(
  tx: LedgerTx,
  peerId: string,
  { compared, differences }: { readonly compared: Compared; readonly differences: readonly Difference[] },
  at: Date,
): Promise<void> {
  const payload = create(DifferencesFoundSchema, {
    peerId,
    summary: summaryToWire(compared),
    differences: differences.slice(0, MOST_TOLD).map(differenceToWire),
  })
  await append(tx, { ...about(peerId, at), word: 'difference_found', severity: 'high', payload })
}

const about = (peerId: string, at: Date) => ({ noun: 'audit', id: peerId, peerId, actor: US, at }) as const
