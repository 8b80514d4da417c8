import { Edge } from '@powernode/tlog'
import type { OwnNote } from '../../lost.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as tiles from '../../store/tiles.ts'
import { apart } from './judge-own-log.ts'

export type ToVerify = {
  readonly peerId: string
  readonly from: number
  /** Of the leaves from there to the size of the note. */
  readonly hashes: readonly Uint8Array[]
  readonly note: OwnNote
}

/**
 * Whether entries that came back from a peer are just those that we had signed: with what we hold they MUST make the tree
 * whose root stands in our own note. If not, our log has grown otherwise since, and waits for an operator.
 */
export async function verifyRecovered(tx: LedgerTx, now: Date, said: ToVerify): Promise<boolean> {
  const { peerId, from, hashes, note } = said
  const [end] = await logs.takeEnds(tx, [peerId])
  if (!end || end.size < from || from + hashes.length !== note.size) return false
  const edge = Edge.from(from, await tiles.edgeOf(tx, end.id, from))
  for (const hash of hashes) edge.append(hash)
  if (end.size === from && Buffer.compare(edge.root(), note.root) === 0) return true
  if (end.size === from) await apart(tx, now, { peerId, note, size: end.size })
  return false
}
