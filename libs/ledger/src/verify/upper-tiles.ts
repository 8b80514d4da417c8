import { HASH_BYTES, tilePath, tileWidth, TILE_WIDTH, type Edge } from '@powernode/tlog'
import type { Findings } from '../damage.ts'
import type { Inventory, LogFiles } from '../log-files.ts'
import { readWidths } from './segments.ts'

/** A tile above the leaves, as the entries make it. */
type Upper = { readonly level: number; readonly position: number; readonly hashes: Uint8Array }

/** Where a file of the upper levels differs from what the entries give. */
export type UpperFlaw = Upper & { readonly path: string; readonly bytes: Uint8Array }

/** Compares every tile above the leaves with what was computed on the way; differing ones are judged later. */
export class UpperTiles {
  readonly flaws: UpperFlaw[] = []
  readonly #files: LogFiles
  readonly #inventory: Inventory
  readonly #findings: Findings

  constructor(files: LogFiles, inventory: Inventory, findings: Findings) {
    this.#files = files
    this.#inventory = inventory
    this.#findings = findings
  }

  /** The tiles that became full since the last call. */
  async compareFull(edge: Edge): Promise<void> {
    for (const tile of edge.takeFullTiles()) if (tile.level > 0) await this.#compare(tile, TILE_WIDTH)
  }

  /** The unfinished ones of a whole log. */
  async comparePartial(edge: Edge): Promise<void> {
    for (const [level, hashes] of edge.partial().entries()) {
      const position = Math.floor(edge.size / TILE_WIDTH ** (level + 1))
      if (level > 0 && hashes.length > 0)
        await this.#compare({ level, position, hashes: Buffer.concat(hashes) }, tileWidth(level, position, edge.size))
    }
  }

  async #compare(tile: Upper, width: number): Promise<void> {
    const { level, position, hashes } = tile
    const widths = this.#inventory.widthsOf(level, position)
    const pathOf = (some: number) => tilePath(level, position, some)
    const [taken, others] = await readWidths(this.#files, widths, width, pathOf)
    if (!taken) this.#findings.add('missing_tile', `there is no tile ${level}/${position}`, { path: pathOf(width) })
    for (const { path, width: claimed, bytes } of taken ? [taken, ...others] : others) {
      const common = Math.min(claimed, width) * HASH_BYTES
      const agrees = Buffer.compare(bytes.subarray(0, common), hashes.subarray(0, common)) === 0
      if (!agrees || bytes.length !== claimed * HASH_BYTES) this.flaws.push({ ...tile, path, bytes })
    }
  }
}
