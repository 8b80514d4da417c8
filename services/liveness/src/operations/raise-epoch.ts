import { append } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { platformRestored } from '../events.ts'
import { LARGEST_EPOCH } from '../heard-beat.ts'
import { mintIncarnation } from '../own-nonces.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'

/** An epoch is a start of the platform: no backup is so many starts old. */
const LONGEST_LEAP = 1_000_000n

export type Remembered = { readonly peerId: string; readonly rememberedEpoch: bigint }

/**
 * A peer remembers a later epoch of ours than we are in: we were restored from a backup, and jump past it.
 *
 * Undefined when another peer's memory has already taken us further. A memory from beyond all starts we can have had is
 * ignored: one that lies would take us to the end of the numbers, where every start looks like a restored backup.
 * Heard by audit-ledger.
 */
export async function raiseEpoch(
  tx: Tx<Tables>,
  now: Date,
  { peerId, rememberedEpoch }: Remembered,
): Promise<platform.OwnEpoch | undefined> {
  const previousEpoch = await platform.epoch(tx)
  if (rememberedEpoch - previousEpoch > LONGEST_LEAP || rememberedEpoch >= LARGEST_EPOCH) return undefined
  const own = await platform.raise(tx, now, { past: rememberedEpoch, incarnation: mintIncarnation() })
  if (own) await append(tx, platformRestored({ peerId, previousEpoch, rememberedEpoch, epoch: own.epoch }, now))
  return own
}
