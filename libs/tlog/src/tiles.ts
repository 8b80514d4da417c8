import { TILE_WIDTH } from './merkle.ts'

/** Names and bundles of a log served as files: C2SP tlog-tiles. */
export type TilePath = {
  /** `entries`: a bundle of entries. */
  readonly level: number | 'entries'
  readonly position: number
  /** 256: full. */
  readonly width: number
}

/** `tile/<level>/<position>[.p/<width>]` */
export const tilePath = (level: number, position: number, width: number = TILE_WIDTH): string =>
  `tile/${level}/${numbered(position, width)}`

/** `tile/entries/<position>[.p/<width>]` */
export const entriesPath = (position: number, width: number = TILE_WIDTH): string =>
  `tile/entries/${numbered(position, width)}`

/** What a path is, or undefined when it is none that the format allows. */
export function parseTilePath(path: string): TilePath | undefined {
  const { level = '', groups = '', width = String(TILE_WIDTH) } = TILE.exec(path)?.groups ?? {}
  const position = Number(groups.replaceAll(/[x/]/g, ''))
  const parsed = { level: level === 'entries' ? level : Number(level), position, width: Number(width) } as const
  if (level === '' || !Number.isSafeInteger(position) || parsed.width > TILE_WIDTH) return undefined
  const canonical = `tile/${level}/${numbered(position, parsed.width)}`
  return canonical === path ? parsed : undefined
}

const TILE = /^tile\/(?<level>entries|[0-9]|[1-5][0-9]|6[0-3])\/(?<groups>(?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/(?<width>[1-9][0-9]{0,2}))?$/ // prettier-ignore

/** 1234067 is x001/x234/067, so that no folder has more than a thousand files, and none is a file as well. */
export function numberPath(position: number): string {
  const digits = String(position)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/.{3}/g) ?? []
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
}

const numbered = (position: number, width: number): string =>
  width === TILE_WIDTH ? numberPath(position) : `${numberPath(position)}.p/${width}`

/** Largest entry that a bundle can hold: its length is two bytes. */
export const ENTRY_BYTES = 65_535

/** Entries one after the other, each after its length as uint16, big endian. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bundle = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + 2 + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    if (entry.length > ENTRY_BYTES) throw new RangeError(`an entry of ${entry.length} bytes fits no bundle`)
    at = bundle.writeUInt16BE(entry.length, at)
    bundle.set(entry, at)
    at += entry.length
  }
  return bundle
}

/** Views into the bundle, no copies. */
export function decodeBundle(bundle: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length;) {
    const from = at + 2
    const to = from + (bundle[at] ?? 0) * 256 + (bundle[at + 1] ?? 0)
    if (from > bundle.length || to > bundle.length) throw new RangeError(`the bundle ends within entry ${entries.length}`) // prettier-ignore
    entries.push(bundle.subarray(from, to))
    at = to
  }
  return entries
}
