import { create } from '@bufbuild/protobuf'
import { append } from '@powernode/events'
import { EntriesErasedSchema, LogPrunedSchema } from '@powernode/proto/powernode/audit/v1/events_pb.ts'
import { PLATFORM_LOG } from '../new-entry.ts'
import type { LedgerTx } from '../store/tables.ts'

type Said = { readonly log: string; readonly reason: string; readonly actor: string; readonly at: Date }

/** fed.audit.erased.<log>: payloads of entries are gone. Returns the event's id, which the entry that says so has as well. */
export function entriesErased(
  tx: LedgerTx,
  { log, reason, actor, at, sequences }: Said & { readonly sequences: readonly number[] },
): Promise<string> {
  const payload = create(EntriesErasedSchema, { log, sequences: sequences.map(BigInt), reason })
  const about = { noun: 'audit', word: 'erased', id: log, peerId: peerOf(log) } as const
  return append(tx, { ...about, severity: 'medium', actor, at, payload })
}

/** fed.audit.pruned.<log>: old entries of a log are gone. Returns the event's id, which the entry that says so has as well. */
export function logPruned(
  tx: LedgerTx,
  { log, reason, actor, at, below }: Said & { readonly below: number },
): Promise<string> {
  const payload = create(LogPrunedSchema, { log, prunedBelow: BigInt(below), reason })
  const about = { noun: 'audit', word: 'pruned', id: log, peerId: peerOf(log) } as const
  return append(tx, { ...about, severity: 'medium', actor, at, payload })
}

function peerOf(log: string): string {
  return log === PLATFORM_LOG ? '' : log
}
