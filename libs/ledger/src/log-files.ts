import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { parseTilePath, TILE_WIDTH } from '@powernode/tlog'

/** The files of one log, wherever they are: `checkpoint`, `tile/…`, `payloads/…`, `pruning/…`. */
export type LogFiles = {
  /** Undefined: there is no such file. */
  readonly read: (path: string) => Promise<Uint8Array | undefined>
  readonly paths: () => Promise<readonly string[]>
}

/** The log in a directory. */
export function filesIn(directory: string): LogFiles {
  return {
    read: (path) => readFile(join(directory, path)).catch(orUndefined),
    paths: async () => {
      const found = await readdir(directory, { recursive: true, withFileTypes: true })
      const files = found.filter((each) => !each.isDirectory())
      return files.map(({ parentPath, name }) => relative(directory, join(parentPath, name)).replaceAll(sep, '/'))
    },
  }
}

/** The log in memory. */
export const filesOf = (files: ReadonlyMap<string, Uint8Array>): LogFiles => ({
  read: (path) => Promise.resolve(files.get(path)),
  paths: () => Promise.resolve([...files.keys()]),
})

/** Segments without any file that are looked for one by one: a single file far out must not keep a verifier busy for ever. */
const MOST_HOLES = 1_000

/** Which widths there are of each tile and bundle. */
export type Inventory = {
  readonly widthsOf: (level: number | 'entries', position: number) => readonly number[]
  /** How many files of tiles and bundles reach further than a tree of this size. */
  readonly beyond: (size: number) => number
  readonly has: (path: string) => boolean
  /** How many segments the files of entries and of their hashes reach, holes and all. */
  readonly segments: number
}

export function inventoryOf(paths: readonly string[]): Inventory {
  const widths = new Map<string, number[]>()
  const reach: number[] = []
  const positions = new Set<number>()
  for (const path of paths) {
    const tile = parseTilePath(path)
    if (!tile) continue
    const key = `${tile.level}/${tile.position}`
    widths.set(key, [...(widths.get(key) ?? []), tile.width])
    const level = tile.level === 'entries' ? 0 : tile.level
    if (level === 0) positions.add(tile.position)
    reach.push((tile.position * TILE_WIDTH + tile.width) * TILE_WIDTH ** level)
  }
  const all = new Set(paths)
  return {
    widthsOf: (level, position) => widths.get(`${level}/${position}`) ?? [],
    beyond: (size) => reach.filter((to) => to > size).length,
    has: (path) => all.has(path),
    segments: Math.min(
      positions.size + MOST_HOLES,
      positions.values().reduce((most, position) => Math.max(most, position + 1), 0),
    ),
  }
}

function orUndefined(fault: NodeJS.ErrnoException): undefined {
  if (fault.code !== 'ENOENT' && fault.code !== 'ENOTDIR') throw fault
}
