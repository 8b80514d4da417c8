import type { Signer } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { mostPrunable, pruneLog } from './prune-log.ts'

export type Asked = {
  /** The log looked at before this one; empty: begin. */
  readonly after: string
  readonly keptMs: number
  readonly signerOf: (origin: string) => Signer
}

export type PrunedLog = { readonly log: string; readonly entries: number }

/**
 * Prunes the next log as its retention wants: what was signed longer ago, as far as the peer has cosigned it and holds it.
 * Returns which log that was, and how many entries may go; undefined after the last.
 */
export async function pruneByAge(
  tx: LedgerTx,
  now: Date,
  { after, keptMs, signerOf }: Asked,
): Promise<PrunedLog | undefined> {
  const [log] = await logs.list(tx, { after, limit: 1 })
  if (!log) return undefined
  const old = await checkpoints.newestBefore(tx, log.id, new Date(now.getTime() - keptMs))
  const below = Math.min(old?.size ?? 0, await mostPrunable(tx, log))
  const days = Math.round(keptMs / DAY_MS)
  const said = { log: log.name, below, reason: `kept for ${days} days`, actor: 'service/audit-ledger', dryRun: false }
  const { entries } = await pruneLog(tx, now, { ...said, signerOf })
  return { log: log.name, entries }
}
const DAY_MS = 86_400_000
