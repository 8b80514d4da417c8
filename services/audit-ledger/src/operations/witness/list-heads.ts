import * as witnessedHeads from '../../store/witnessed-heads.ts'
import type { OwnHead } from '../../store/witnessed-heads.ts'
import type { LedgerTx } from '../../store/tables.ts'

export type Heads = { readonly heads: readonly OwnHead[]; readonly position: number; readonly more: boolean }

/** So long a checkpoint may take from being signed to being seen: what was signed since is told again the next time. */
const OVERLAP_MS = 2_000

/** Where our logs about peers end, as far as that changed since a position: what heartbeats tell. */
export async function listHeads(
  tx: LedgerTx,
  now: Date,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<Heads> {
  const heads = await witnessedHeads.since(tx, new Date(after), limit)
  const more = heads.length >= limit
  const last = heads.at(-1)?.signedAt.getTime() ?? after
  return { heads, more, position: more ? last : Math.max(after, Math.min(last, now.getTime() - OVERLAP_MS)) }
}
