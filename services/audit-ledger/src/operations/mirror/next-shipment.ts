import { consistencyProof } from '@powernode/tlog'
import type { Shipped } from '../../mirrored.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as entries from '../../store/entries.ts'
import * as shipments from '../../store/mirror-shipments.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'

export type Shipment = {
  readonly start: number
  readonly entries: readonly Shipped[]
  /** Our newest signed note, of a size at or above the end of these. */
  readonly checkpoint: string
  readonly proof: readonly Uint8Array[]
}

const AT_ONCE = 256
/** Below what one message may have (1 MiB), with room for the checkpoint, the proof and the names of fields. */
const MOST_BYTES = 900_000

/**
 * What of a log is to be shipped next; undefined when the peer holds all that is signed.
 *
 * Only what is signed goes out, and it goes as soon as it is signed: not when the peer has cosigned it, since a copy there is
 * worth most while the witness is slow, and our signature binds us already. Deliveries end where bundles of the peer's mirror
 * do, and at the end. Payloads go along where they are disclosed and not erased, others never.
 */
export async function nextShipment(
  tx: LedgerTx,
  _now: Date,
  { logId, ...said }: { readonly logId: number; readonly start?: number },
): Promise<Shipment | undefined> {
  const signed = await checkpoints.newest(tx, logId)
  const start = said.start ?? (await shipments.sizeOf(tx, logId))
  if (!signed || start >= signed.size) return undefined
  const stop = Math.min(signed.size, start - (start % AT_ONCE) + AT_ONCE)
  const rows = await entries.stretch(tx, logId, { start, end: stop, limit: AT_ONCE })
  if (rows[0]?.sequence !== start) throw new Error(`entry ${start} of log ${logId} is gone before its mirror has it`)
  const shipped = within(MOST_BYTES, rows.map(toShip))
  const end = start + shipped.length
  const proof = end === signed.size ? [] : await consistencyProof(tileReader(tx, logId), end, signed.size)
  return { start, entries: shipped, checkpoint: signed.note, proof }
}

function toShip({ leaf, salt, body, disclosed }: entries.Row): Shipped {
  const payload = body !== null && disclosed === true ? Buffer.from(body) : NOTHING
  // One too large for a message stays here: the leaf goes in any case.
  if (salt === null || payload.length === 0 || leaf.length + payload.length > MOST_BYTES)
    return { leaf, salt: NOTHING, payload: NOTHING }
  return { leaf, salt, payload }
}

const NOTHING = new Uint8Array()

/** As many from the beginning as fit, and one at least. */
export function within(mostBytes: number, all: readonly Shipped[]): readonly Shipped[] {
  let bytes = 0
  const end = all.findIndex(({ leaf, payload }) => (bytes += leaf.length + payload.length + 64) > mostBytes)
  return end < 0 ? all : all.slice(0, Math.max(1, end))
}
