import { entriesPath, parseTilePath, TILE_WIDTH, tilePath, tileWidth } from '@powernode/tlog'
import { LogMaker, makeKeys, type LogKeys } from './log-maker.ts'

/** A log that was sealed twice, as files, and a sister of the same length and age with other entries. */
export type SealedLog = {
  readonly keys: LogKeys
  readonly size: number
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly previous: { readonly size: number; readonly note: string }
  readonly note: string
  readonly sister: { readonly keys: LogKeys; readonly files: ReadonlyMap<string, Uint8Array>; readonly note: string }
  /** What a reader of the newest checkpoint takes. */
  readonly bundles: readonly string[]
  readonly tiles: readonly string[]
  readonly payloads: readonly string[]
  /** Partial files of the first seal, which nobody needs any more. */
  readonly older: readonly string[]
}

/** Most are short, so that many can be looked at; some have tiles above the leaves. */
const SIZES = [[3, 7], [20, 33], [1, 2], [9, 40], [16, 32], [8, 9], [60, 90], [256, 300], [250, 257], [300, 520]] as const // prettier-ignore

let made: readonly SealedLog[] | undefined
export const sealedLogs = (): readonly SealedLog[] => (made ??= SIZES.map(([before, size]) => sealedLog(before, size)))

function sealedLog(before: number, size: number): SealedLog {
  const [log, sister] = ['a.example/peers/1', 'a.example/peers/2'].map((origin) => {
    const keys = makeKeys(origin)
    const files = new Map<string, Uint8Array>()
    const maker = new LogMaker(keys, (path, bytes) => files.set(path, bytes))
    return { keys, files, first: maker.append(before).seal(), note: maker.append(size - before).seal() }
  })
  if (!log || !sister) throw new Error('there are two of them')
  const paths = [...log.files.keys()]
  const segments = Array.from({ length: Math.ceil(size / TILE_WIDTH) }, (_, i) => i)
  const bundles = segments.map((position) => entriesPath(position, tileWidth(0, position, size)))
  const tiles = segments.map((position) => tilePath(0, position, tileWidth(0, position, size)))
  if (size >= TILE_WIDTH) tiles.push(tilePath(1, 0, tileWidth(1, 0, size)))
  const older = paths.filter((path) => parseTilePath(path) && !bundles.includes(path) && !tiles.includes(path))
  const payloads = paths.filter((path) => path.startsWith('payloads/'))
  const { keys, files, note } = log
  return { keys, size, files, previous: { size: before, note: log.first }, note, sister, bundles, tiles, payloads, older } // prettier-ignore
}
