import { consistencyProof } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'

/** A checkpoint of ours that a witness has not cosigned, with the proof from what it has. */
export type Delivery = {
  readonly logId: number
  readonly origin: string
  readonly size: number
  readonly note: string
  readonly signedAt: Date
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
}

type Said = {
  readonly log: string
  /** Under which name the witness signs; undefined while it is not known. */
  readonly witness: string | undefined
  /** What the witness itself said it saw last; else what we hold of it counts. */
  readonly lastSeen?: number
}

/** What a witness is to be shown next: our newest checkpoint, or nothing when it has cosigned that. */
export async function nextDelivery(
  tx: LedgerTx,
  _now: Date,
  { log: name, witness, lastSeen }: Said,
): Promise<Delivery | undefined> {
  const log = await logs.find(tx, name)
  const newest = log && (await checkpoints.newest(tx, log.id))
  if (!log || !newest) return undefined
  const cosigned = witness === undefined ? undefined : await cosignatures.newest(tx, log.id, witness)
  if (cosigned && cosigned.size >= newest.size) return undefined
  const oldSize = lastSeen ?? cosigned?.size ?? 0
  const { size, note, signedAt } = newest
  // At the same size there is nothing to prove; of a larger one than ours nothing can be.
  const isStep = oldSize > 0 && oldSize < size
  const proof = isStep ? await consistencyProof(tileReader(tx, log.id), oldSize, size) : []
  return { logId: log.id, origin: log.origin, size, note, signedAt, oldSize, proof }
}
