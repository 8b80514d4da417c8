import { Refusal } from '@powernode/rpc'
import { consistencyProof, rootAt } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'

export type Asked = {
  readonly log: string
  /** From 1: a proof from nothing proves nothing (RFC 6962 section 2.1.2). */
  readonly oldSize: number
  /** Undefined: the newest signed one. */
  readonly size: number | undefined
}

export type Consistency = {
  readonly size: number
  readonly proof: readonly Uint8Array[]
  readonly oldRoot: Uint8Array
  readonly root: Uint8Array
}

/** The proof that one size of a log is a prefix of another, as far as it is signed. */
export async function proveConsistency(
  tx: LedgerTx,
  _now: Date,
  { log: name, oldSize, size: asked }: Asked,
): Promise<Consistency> {
  const log = await logs.find(tx, name)
  const signed = log && (await checkpoints.newest(tx, log.id))
  const size = asked ?? signed?.size ?? 0
  if (!log || !signed || size > signed.size || oldSize < 1 || oldSize > size) {
    throw new Refusal('PROOF_OUT_OF_RANGE', `no proof leads from size ${oldSize} to ${size} of what is signed`, {
      metadata: { log: name, signed_size: String(signed?.size ?? 0) },
    })
  }
  const read = tileReader(tx, log.id)
  return {
    size,
    proof: await consistencyProof(read, oldSize, size),
    oldRoot: await rootAt(read, oldSize),
    root: await rootAt(read, size),
  }
}
