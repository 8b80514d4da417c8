import { append } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { platformRestored } from '../events.ts'
import { LARGEST_EPOCH } from '../heard-beat.ts'
import { mintIncarnation } from '../own-nonces.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'

/** An epoch is a start of the platform: no backup is so many starts old. */
const LONGEST_LEAP = 1_000_000n

export type Remembered = {
  readonly peerId: string
  readonly rememberedEpoch: bigint
  /** The epoch of the beat it answered. */
  readonly own: platform.OwnEpoch
}

/**
 * A peer remembers a later epoch of ours than we are in, or what it gave us to keep and we have not got: we were restored from a
 * backup, and begin an epoch past all that it and we remember.
 *
 * Undefined when another has begun since, by another peer's memory or because another replica leads by now. A memory from beyond all starts we can have had is
 * ignored: one that lies would take us to the end of the numbers, where every start looks like a restored backup.
 * Heard by audit-ledger.
 */
export async function raiseEpoch(
  tx: Tx<Tables>,
  now: Date,
  { peerId, rememberedEpoch, own }: Remembered,
): Promise<platform.OwnEpoch | undefined> {
  const previousEpoch = own.epoch
  if (rememberedEpoch - previousEpoch > LONGEST_LEAP || rememberedEpoch >= LARGEST_EPOCH) return undefined
  const past = rememberedEpoch > previousEpoch ? rememberedEpoch : previousEpoch
  const raised = await platform.raise(tx, now, own, { past, incarnation: mintIncarnation() })
  if (raised) await append(tx, platformRestored({ peerId, previousEpoch, rememberedEpoch, epoch: raised.epoch }, now))
  return raised
}
