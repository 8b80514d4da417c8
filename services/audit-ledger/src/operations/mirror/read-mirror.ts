import type { MirrorHead, Shipped } from '../../mirrored.ts'
import * as mirrors from '../../store/mirrors.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import * as witnessed from '../../store/witnessed.ts'
import { within } from './next-shipment.ts'

export type MirrorPage = {
  readonly entries: readonly Shipped[]
  readonly size: number
  /** The newest that we have seen, as a witness or with the mirror. */
  readonly checkpoint: string
  /** The newest of which every entry is here. */
  readonly mirroredCheckpoint: string
}

const AT_ONCE = 256
const MOST_BYTES = 900_000

/** What we hold of a peer's log about us: for a peer that lost it. It is the peer's own, so it is given as it came. */
export async function readMirror(
  tx: LedgerTx,
  _now: Date,
  { peerId, start, limit }: { readonly peerId: string; readonly start: number; readonly limit: number },
): Promise<MirrorPage> {
  const head = await mirrors.head(tx, peerId)
  const held = await mirrors.from(tx, peerId, { start, limit: limit || AT_ONCE })
  return {
    entries: within(MOST_BYTES, held),
    size: head?.size ?? 0,
    checkpoint: await newestSeen(tx, peerId, head),
    mirroredCheckpoint: (await mirrors.wholeCheckpoint(tx, peerId)) ?? '',
  }
}

async function newestSeen(tx: LedgerTx, peerId: string, head: MirrorHead | undefined): Promise<string> {
  const keys = await witnessedKeys.newest(tx, peerId)
  const seen = keys && (await witnessed.newest(tx, { peerId, origin: keys.origin }))
  if (seen && seen.size >= (head?.checkpointSize ?? 0)) return seen.note
  return head?.checkpoint ?? ''
}
