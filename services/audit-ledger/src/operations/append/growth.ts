import { Edge } from '@powernode/tlog'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as tiles from '../../store/tiles.ts'
import { holdDamaged } from '../sign/hold-damaged.ts'

/** The end of a log as a committed transaction left it. */
export type Held = { readonly id: number; readonly edge: Edge; readonly leafHash: Uint8Array | null }

/** A log that a transaction adds to. */
export class Growth implements Held {
  readonly id: number
  readonly onHold: boolean
  readonly edge: Edge
  leafHash: Uint8Array | null
  grew = false

  constructor({ id, held, leafHash }: logs.End, edge: Edge) {
    this.id = id
    this.onHold = held
    this.edge = edge
    this.leafHash = leafHash
  }

  append(leafHash: Uint8Array): void {
    this.edge.append(leafHash)
    this.leafHash = leafHash
    this.grew = true
  }
}

/**
 * Takes the turn to write to logs, and the right-hand edges of their trees. A log that is not there yet is opened.
 *
 * An edge in memory holds when the database says the same size and last leaf: it comes from a committed transaction, and a
 * log only grows. Otherwise another replica has appended since, and the edge is rebuilt from the tiles.
 */
export async function takeGrowths(
  tx: LedgerTx,
  now: Date,
  { names, held }: { readonly names: readonly string[]; readonly held: ReadonlyMap<string, Held> },
): Promise<ReadonlyMap<string, Growth>> {
  const growths = new Map<string, Growth>()
  for (const end of await logs.takeEnds(tx, names)) {
    const edge = edgeHeld(end, held.get(end.name)) ?? (await rebuild(tx, now, end))
    growths.set(end.name, edge ? new Growth(end, edge) : new Growth({ ...end, held: true }, Edge.empty()))
  }
  for (const name of names) {
    if (growths.has(name)) continue
    const { id } = await logs.open(tx, name, now)
    growths.set(name, new Growth({ id, name, size: 0, leafHash: null, held: false }, Edge.empty()))
  }
  return growths
}

/** A copy, because this transaction may not be committed. */
function edgeHeld(end: logs.End, held: Held | undefined): Edge | undefined {
  if (!held || held.id !== end.id || held.edge.size !== end.size || !held.leafHash || !end.leafHash) return undefined
  return Buffer.compare(held.leafHash, end.leafHash) === 0 ? held.edge.copy() : undefined
}

/** Undefined: the log is damaged, and takes no more. Others that are written to in this transaction know nothing of it. */
async function rebuild(tx: LedgerTx, now: Date, { id, name, size }: logs.End): Promise<Edge | undefined> {
  try {
    return Edge.from(size, await tiles.edgeOf(tx, id, size))
  } catch (error) {
    if (!(error instanceof tiles.LogDamaged)) throw error
    await holdDamaged(tx, now, { log: { id, name }, reason: error.message })
    return undefined
  }
}
