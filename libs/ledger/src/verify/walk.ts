import { Edge, encodeBundle, HASH_BYTES, leafHash, TILE_WIDTH } from '@powernode/tlog'
import type { Findings } from '../damage.ts'
import { glanceAt, type EntryGlance } from '../entry.ts'
import { checkPayloads } from './payloads.ts'
import type { Other, Segment } from './segments.ts'

/** A segment whose entries and tile do not say the same. Who is wrong is known once the root is. */
export type Suspect = {
  readonly position: number
  /** Undefined: there are no entries that could be right. */
  readonly fromEntries: readonly Uint8Array[] | undefined
  readonly fromTile: readonly Uint8Array[]
  readonly path: string
}

/** A flaw of a single entry: said only if the entry is the one that was signed. */
export type Oddity = { readonly index: number; readonly kind: 'gap' | 'malformed_entry'; readonly detail: string }

/** A log that is another log altogether has nothing but suspects; so many are enough to tell. */
const MOST_SUSPECTS = 64

/** Goes through a log from its first entry, hashing as it goes. Holds the edge of the tree, and what was odd. */
export class Walk {
  readonly edge = Edge.empty()
  readonly suspects: Suspect[] = []
  readonly oddities: Oddity[] = []
  /** The roots that the tree had at earlier sizes, where they were asked for. */
  readonly rootsAt = new Map<number, Uint8Array>()
  /** Entries read, parsed and hashed. */
  entries = 0
  readonly payloads = { checked: 0, absent: 0 }
  /** A part of the tree has neither entries nor hashes: the root cannot be computed. */
  broken = false
  readonly #findings: Findings
  readonly #stops: ReadonlySet<number>
  readonly #prunedBelow: number

  constructor(findings: Findings, { stops, prunedBelow }: { stops: readonly number[]; prunedBelow: number }) {
    this.#findings = findings
    this.#stops = new Set(stops)
    this.#prunedBelow = prunedBelow
  }

  step(segment: Segment): void {
    const first = segment.position * TILE_WIDTH
    const fromTile = this.#tileOf(segment)
    const entries = this.#entriesOf(segment, first)
    const fromEntries = entries?.map(leafHash)
    if (fromEntries && fromTile && !same(fromEntries, fromTile)) this.#disagree(segment, fromEntries, fromTile)
    this.#compareOthers(segment, entries, fromEntries ?? fromTile)
    const glances = entries?.map(glanceAt) ?? []
    this.#look(glances, first)
    if (entries) checkPayloads(segment, glances, this.payloads, this.#findings)
    this.entries += glances.length
    const hashes = fromEntries?.length === segment.width ? fromEntries : fromTile
    if (hashes?.length === segment.width) this.#append(hashes)
    else this.broken = true
  }

  /** There are no more files. */
  end(segments: number, size: number): void {
    const index = segments * TILE_WIDTH
    if (index >= size) return
    this.broken = true
    this.#findings.add('missing_entry', `there are no files for the entries from ${index} on, of ${size}`, { index })
  }

  #append(hashes: readonly Uint8Array[]): void {
    if (this.broken) return
    for (const hash of hashes) {
      this.edge.append(hash)
      if (this.#stops.has(this.edge.size)) this.rootsAt.set(this.edge.size, this.edge.root())
    }
  }

  /** The entries of a segment, if they are as many as there should be; else says what is amiss. */
  #entriesOf({ bundle, tile, position, width }: Segment, first: number): readonly Uint8Array[] | undefined {
    if (!bundle) {
      const isPruned = first + TILE_WIDTH <= this.#prunedBelow
      if (!isPruned) this.#findings.add('missing_entry', `there is no file with entries ${first} to ${first + width - 1}`, { index: first }) // prettier-ignore
      return undefined
    }
    const { entries, isWhole } = decoded(bundle.bytes)
    if (isWhole && entries.length === bundle.width) return entries.slice(0, width)
    const inTile = hashesOf(tile?.bytes ?? new Uint8Array())
    const odd = entries.findIndex((entry, i) => Buffer.compare(leafHash(entry), inTile[i] ?? entry) !== 0)
    const index = first + (odd < 0 ? entries.length : odd)
    const kind = isWhole && entries.length < bundle.width ? 'missing_entry' : 'altered_entry'
    this.#findings.add(kind, `the bundle ${position} has ${entries.length} whole entries, not ${bundle.width}`, { index, path: bundle.path }) // prettier-ignore
    return undefined
  }

  #tileOf({ tile, position, width }: Segment): readonly Uint8Array[] | undefined {
    const index = position * TILE_WIDTH
    if (!tile) this.#findings.add('missing_tile', `there is no tile 0/${position}`, { index })
    else if (tile.bytes.length === tile.width * HASH_BYTES) return hashesOf(tile.bytes).slice(0, width)
    else this.#findings.add('altered_tile', `the tile 0/${position} has ${tile.bytes.length} bytes, not those of ${tile.width} hashes`, { path: tile.path, index }) // prettier-ignore
    return undefined
  }

  #disagree({ position, bundle }: Segment, fromEntries: readonly Uint8Array[], fromTile: readonly Uint8Array[]): void {
    if (this.suspects.length < MOST_SUSPECTS)
      this.suspects.push({ position, fromEntries, fromTile, path: bundle?.path ?? '' })
  }

  /** Files of other widths MUST agree with the one that was taken, as far as both reach. */
  #compareOthers(
    segment: Segment,
    entries: readonly Uint8Array[] | undefined,
    hashes: readonly Uint8Array[] | undefined,
  ): void {
    // prettier-ignore
    const index = segment.position * TILE_WIDTH
    for (const other of entries ? segment.others : [])
      if (!agrees(other, other.width, (entries ?? []).map(bundled)))
        this.#findings.add('altered_entry', `${other.path} does not say what the newer file says`, { index, path: other.path }) // prettier-ignore
    for (const other of hashes ? segment.otherTiles : [])
      if (other.bytes.length !== other.width * HASH_BYTES || !agrees(other, other.width, hashes ?? []))
        this.#findings.add('altered_tile', `${other.path} does not say what the newer file says`, { index, path: other.path }) // prettier-ignore
  }

  /** An entry MUST say its own place, and be one that `encodeEntry` writes. */
  #look(glances: readonly (EntryGlance | undefined)[], first: number): void {
    for (const [i, glance] of glances.entries()) {
      const index = first + i
      if (glance?.sequence === index || this.oddities.length >= MOST_SUSPECTS) continue
      if (glance) this.oddities.push({ index, kind: 'gap', detail: `entry ${index} says it is ${glance.sequence}` })
      else this.oddities.push({ index, kind: 'malformed_entry', detail: `entry ${index} is no canonical entry` })
    }
  }
}

/** Whether a file begins with these pieces, or these pieces begin with the file: whichever is shorter. */
function agrees({ bytes }: Other, width: number, pieces: readonly Uint8Array[]): boolean {
  const expected = Buffer.concat(pieces.slice(0, width))
  return Buffer.compare(bytes.subarray(0, expected.length), expected) === 0 && (pieces.length < width || bytes.length === expected.length) // prettier-ignore
}

const bundled = (entry: Uint8Array): Uint8Array => encodeBundle([entry])

export function hashesOf(tile: Uint8Array): Uint8Array[] {
  const whole = Math.floor(tile.length / HASH_BYTES)
  return Array.from({ length: whole }, (_, i) => tile.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
}

/** As many whole entries as there are. */
function decoded(bundle: Uint8Array): { readonly entries: readonly Uint8Array[]; readonly isWhole: boolean } {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length;) {
    const to = at + 2 + (bundle[at] ?? 0) * 256 + (bundle[at + 1] ?? 0)
    if (at + 2 > bundle.length || to > bundle.length) return { entries, isWhole: false }
    entries.push(bundle.subarray(at + 2, to))
    at = to
  }
  return { entries, isWhole: true }
}

const same = (some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean =>
  some.length === others.length && some.every((hash, i) => Buffer.compare(hash, others[i] ?? EMPTY) === 0)
const EMPTY = new Uint8Array()
