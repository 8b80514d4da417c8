import type { ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { requestOf } from '@powernode/rpc'
import type { LedgerKeys } from '../ledger-keys.ts'
import { eraseEntries } from '../operations/erase/erase-entries.ts'
import { pruneLog } from '../operations/erase/prune-log.ts'
import { actIn, type DoorDeps } from './door.ts'
import { entryToWire } from './entry-wire.ts'

export type ErasureDeps = DoorDeps & {
  readonly keys: LedgerKeys
  /** Entries were pruned: whoever drops them has work. */
  readonly onPruned: () => void
}

/** What goes is for ever, so more than reading is asked for. */
export const ERASURE_CALLERS = {
  eraseEntries: ['system.infra_tasks.control'],
  pruneLog: ['system.infra_tasks.control'],
} as const

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof ERASURE_CALLERS>

export function erasureHandlers(deps: ErasureDeps): Handlers {
  const { keys, onPruned } = deps
  const act = actIn(deps)

  return {
    async eraseEntries({ log, sequences, reason, dryRun }, context) {
      const said = { log, sequences: sequences.map(Number), reason, dryRun, actor: requestOf(context).actor }
      return { entries: (await act((tx, now) => eraseEntries(tx, now, said))).map(entryToWire) }
    },

    async pruneLog({ log, below, reason, dryRun }, context) {
      const said = {
        log,
        below: Number(below),
        reason,
        dryRun,
        actor: requestOf(context).actor,
        signerOf: keys.signerOf,
      }
      const { prunedBelow, entries, statement } = await act((tx, now) => pruneLog(tx, now, said))
      if (statement !== '') onPruned()
      return { prunedBelow: BigInt(prunedBelow), entries: BigInt(entries), statement }
    },
  }
}
