import type { FullTile } from '@powernode/tlog'
import type { NewEntry } from '../../new-entry.ts'
import type * as appending from '../../store/appending.ts'

type Placed = {
  readonly logId: number
  readonly sequence: number
  readonly leaf: Uint8Array
  readonly hash: Uint8Array
  readonly salt: Uint8Array | undefined
}

/** What a batch writes, collected by column as the database takes it. */
export class Columns implements appending.Columns {
  readonly logIds: number[] = []
  readonly sequences: number[] = []
  readonly ids: string[] = []
  readonly actions: string[] = []
  readonly ats: Date[] = []
  readonly directions: (string | null)[] = []
  readonly remoteIds: (string | null)[] = []
  readonly leaves: Uint8Array[] = []
  readonly leafHashes: Uint8Array[] = []
  readonly payloads: appending.Columns['payloads'][number][] = []
  readonly tiles: appending.Columns['tiles'][number][] = []

  get size(): number {
    return this.ids.length
  }

  add(entry: NewEntry, { logId, sequence, leaf, hash, salt }: Placed): void {
    if (entry.payload && salt)
      this.payloads.push({ row: this.size, salt, body: entry.payload, disclosed: entry.disclosed })
    this.logIds.push(logId)
    this.sequences.push(sequence)
    this.ids.push(entry.id)
    this.actions.push(entry.action)
    this.ats.push(entry.at)
    this.directions.push(entry.direction ?? null)
    this.remoteIds.push(entry.remoteId ?? null)
    this.leaves.push(leaf)
    this.leafHashes.push(hash)
  }

  addTiles(logId: number, tiles: readonly FullTile[]): void {
    for (const tile of tiles) this.tiles.push({ logId, ...tile })
  }
}
