import { Tile, type TileReader, type TileSource } from '@powernode/tlog'

/** A tile beside its hashes: what was hashed over them, its name, its place in the map. */
const BESIDE_BYTES = Tile.REMEMBERED_BYTES + 400

/**
 * Tiles that were read of some logs, complete and partial: those used last, up to so many bytes.
 *
 * What a tile of one width holds never changes as long as the log is what it was. Somebody may have put an older database in
 * its place meanwhile, so what is made of these MUST be held against a checkpoint before it is believed.
 */
export class TileCache {
  readonly #mostBytes: number
  readonly #tiles = new Map<string, Tile>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The same reader, which asks only for tiles that are not here. */
  before(read: TileReader, logId: number): TileSource {
    return async (asked) => {
      const names = asked.map(({ level, position, width }) => `${logId}/${level}/${position}/${width}`)
      const held = names.map((name) => this.#use(name))
      const missing = asked.filter((_, at) => !held[at])
      if (missing.length === 0) return held.filter((tile) => tile !== undefined)
      const found = (await read(missing)).values()
      return names.map((name, at) => held[at] ?? this.#keep(name, found.next().value))
    }
  }

  #use(name: string): Tile | undefined {
    const tile = this.#tiles.get(name)
    if (tile) {
      this.#tiles.delete(name)
      this.#tiles.set(name, tile)
    }
    return tile
  }

  #keep(name: string, found: Uint8Array = new Uint8Array()): Tile {
    const already = this.#tiles.get(name)
    if (already) return already // read by two at once
    const tile = new Tile(new Uint8Array(found)) // not a view into something larger
    this.#tiles.set(name, tile)
    this.#bytes += found.length + BESIDE_BYTES
    for (const [oldest, { hashes }] of this.#tiles) {
      if (this.#bytes <= this.#mostBytes) break
      this.#tiles.delete(oldest)
      this.#bytes -= hashes.length + BESIDE_BYTES
    }
    return tile
  }
}
