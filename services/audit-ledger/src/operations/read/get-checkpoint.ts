import { Refusal } from '@powernode/rpc'
import { addSignatures } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** The newest signed checkpoint of a log, or that of one size, with all its cosignatures. */
export async function getCheckpoint(
  tx: LedgerTx,
  _now: Date,
  { log: name, size }: { readonly log: string; readonly size: number | undefined },
): Promise<string> {
  const log = await logs.find(tx, name)
  const found =
    log && (await (size === undefined ? checkpoints.newest(tx, log.id) : checkpoints.ofSize(tx, log.id, size)))
  if (!found) {
    throw new Refusal('PROOF_OUT_OF_RANGE', `nothing is signed of log ${name}${size ? ` at size ${size}` : ''}`, {
      metadata: { log: name },
    })
  }
  return noteOf(tx, found)
}

/** The note as it is handed out: with every cosignature that stands under it by now. */
export async function noteOf(tx: LedgerTx, { logId, size, note }: checkpoints.Checkpoint): Promise<string> {
  const cosigned = await cosignatures.ofSize(tx, logId, size)
  return cosigned.length > 0
    ? addSignatures(
        note,
        cosigned.map(({ line }) => line),
      )
    : note
}
