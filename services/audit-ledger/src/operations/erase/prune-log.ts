import { signPruning } from '@powernode/ledger'
import { Refusal } from '@powernode/rpc'
import { TILE_WIDTH, type Signer } from '@powernode/tlog'
import canonicalize from 'canonicalize'
import { logPruned } from '../../events/erasures.ts'
import { PLATFORM_LOG, publicActor } from '../../new-entry.ts'
import { noSuchLog } from '../../no-such-log.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import * as entries from '../../store/entries.ts'
import * as logs from '../../store/logs.ts'
import * as shipments from '../../store/mirror-shipments.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { appendEntries } from '../append/append-entries.ts'

export type Said = {
  readonly log: string
  /** Rounded down to a whole segment. */
  readonly below: number
  readonly reason: string
  readonly actor: string
  readonly dryRun: boolean
  readonly signerOf: (origin: string) => Signer
}

export type Pruned = {
  readonly prunedBelow: number
  readonly entries: number
  /** Empty when nothing was pruned. */
  readonly statement: string
}

const PRUNED = 'federation.audit.pruned'

/**
 * Says that old entries of a log may go: whole segments, and only what the peer has cosigned and holds itself, so that deleting
 * our copy destroys nothing. Their hashes stay in the tiles, and so does every proof.
 *
 * The signed statement and the entry that says so share one transaction; the entries go afterwards, in bounded batches
 * (`dropPruned`), also after a crash in between.
 */
export async function pruneLog(tx: LedgerTx, now: Date, said: Said): Promise<Pruned> {
  const { log: name, reason, actor, dryRun, signerOf } = said
  const log = await logs.find(tx, name)
  if (!log) throw noSuchLog(`nobody has written to log ${name}`, name)
  const before = await prunings.prunedBelow(tx, log.id)
  const below = Math.floor(said.below / TILE_WIDTH) * TILE_WIDTH
  const cosigned = await cosignatures.newest(tx, log.id)
  const most = await mostPrunable(tx, log)
  if (below > most) {
    throw new Refusal(
      'PRUNE_NOT_COSIGNED',
      `entries of this log go only below ${most}: that much is cosigned and mirrored`,
      {
        metadata: { log: name, size: String(most) },
      },
    )
  }
  if (below <= before) return { prunedBelow: before, entries: 0, statement: '' }
  const counted = { prunedBelow: below, entries: below - before }
  if (dryRun || !cosigned) return { ...counted, statement: '' }

  const checkpoint = await checkpoints.ofSize(tx, log.id, cosigned.size)
  if (!checkpoint) throw new Error(`what was cosigned of log ${name} is not there`)
  const { size, root } = checkpoint
  const pruning = { origin: log.origin, below, size, root, at: now, actor: publicActor(actor), reason }
  const statement = signPruning(pruning, signerOf(log.origin))
  const id = await logPruned(tx, { log: name, below, reason, actor, at: now })
  const payload = Buffer.from(canonicalize({ log: name, pruned_below: String(below), reason }) ?? '')
  const record = { id, log: name, action: PRUNED, at: now, actor: publicActor(actor), payload }
  await appendEntries(tx, now, [{ ...record, disclosed: true }])
  await prunings.add(tx, { logId: log.id, below, statement, at: now })
  return { ...counted, statement }
}

/** Below which size entries of a log may go: what others have cosigned and hold. The end of a log always stays. */
export async function mostPrunable(tx: LedgerTx, { id, name }: logs.Log): Promise<number> {
  const cosigned = await cosignatures.newest(tx, id)
  // The platform's own log is mirrored by nobody.
  const mirrored = name === PLATFORM_LOG ? Number.MAX_SAFE_INTEGER : await shipments.sizeOf(tx, id)
  const end = (await entries.size(tx, id)) - 1
  return Math.max(0, Math.min(cosigned?.size ?? 0, mirrored, end))
}

/** Drops a batch of the entries that were pruned; returns whether there are more. */
export async function dropPruned(tx: LedgerTx, _now: Date, { limit }: { readonly limit: number }): Promise<boolean> {
  const [logId] = await prunings.unfinished(tx)
  if (logId === undefined) return false
  await prunings.drop(tx, logId, limit)
  return true
}
