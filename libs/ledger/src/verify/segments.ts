import { entriesPath, TILE_WIDTH, tilePath, tileWidth } from '@powernode/tlog'
import type { Inventory, LogFiles } from '../log-files.ts'
import { payloadsPath } from '../payload-lines.ts'

/** A file that holds the same beginning as another: partial tiles and bundles of earlier sizes, or later ones. */
export type Other = { readonly path: string; readonly width: number; readonly bytes: Uint8Array }

/** What the files say of 256 neighbouring entries, or of those that the checkpoint covers. */
export type Segment = {
  readonly position: number
  /** Entries that the checkpoint covers. */
  readonly width: number
  readonly bundle: Other | undefined
  readonly tile: Other | undefined
  readonly others: readonly Other[]
  readonly otherTiles: readonly Other[]
  readonly payloads: Uint8Array | undefined
}

/** Files are read this many segments ahead of what is hashed: reading and hashing take turns on two cores. */
const AHEAD = 8

/**
 * The segments of a log of `size`, in order, with no more than a few of them in memory. Ends where the files end: a
 * checkpoint may claim more entries than anybody could count to.
 */
export async function* segmentsOf(files: LogFiles, inventory: Inventory, size: number): AsyncGenerator<Segment> {
  const count = Math.min(Math.ceil(size / TILE_WIDTH), inventory.segments)
  const coming: Promise<Segment>[] = []
  for (let next = 0; next < count || coming.length > 0;) {
    while (next < count && coming.length < AHEAD) {
      const segment = readSegment(files, inventory, next++, size)
      segment.catch(() => {}) // rises where it is awaited
      coming.push(segment)
    }
    const segment = coming.shift()
    if (segment) yield await segment
  }
}

async function readSegment(files: LogFiles, inventory: Inventory, position: number, size: number): Promise<Segment> {
  const width = tileWidth(0, position, size)
  const path = payloadsPath(position)
  const [[bundle, others], [tile, otherTiles], payloads] = await Promise.all([
    readWidths(files, inventory.widthsOf('entries', position), width, (w) => entriesPath(position, w)),
    readWidths(files, inventory.widthsOf(0, position), width, (w) => tilePath(0, position, w)),
    inventory.has(path) ? files.read(path) : undefined,
  ])
  return { position, width, bundle, tile, others, otherTiles, payloads }
}

/** The file that a reader of this size takes (the exact width, else the full one: tlog-tiles), and all others. */
export async function readWidths(
  files: LogFiles,
  widths: readonly number[],
  width: number,
  pathOf: (width: number) => string,
): Promise<[Other | undefined, readonly Other[]]> {
  const read = async (some: number): Promise<Other | undefined> => {
    const path = pathOf(some)
    const bytes = await files.read(path)
    return bytes && { path, width: some, bytes }
  }
  const taken = [width, TILE_WIDTH].find((some) => widths.includes(some))
  const found = await Promise.all(widths.map(read))
  const others = found.filter((other) => other !== undefined)
  return [others.find((other) => other.width === taken), others.filter((other) => other.width !== taken)]
}
