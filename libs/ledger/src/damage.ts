import type { Checkpoint } from '@powernode/tlog'

/** Every way in which the files of a log can fail to be what they claim. Whoever shows damage has a row for each. */
export const DAMAGE_KINDS = [
  /** No checkpoint, or none that is one: nothing vouches for the rest. */
  'missing_checkpoint',
  'malformed_checkpoint',
  /** Not signed by the log's key, or a signature of a known key does not hold. */
  'bad_signature',
  /** Fewer witnesses have cosigned than the policy asks for. */
  'too_few_cosignatures',
  /** Signed and sound, and the checkpoint of another log. */
  'wrong_log',
  /** Shorter than a checkpoint that was seen before. */
  'rollback',
  /** Does not contain what a checkpoint that was seen before had signed. */
  'fork',
  /** The entries do not give the root that was signed, and no single one can be blamed. */
  'wrong_root',
  'missing_entry',
  'altered_entry',
  /** An entry stands where its own sequence number does not put it. */
  'gap',
  /** Signed and in its place, and no entry of a ledger. */
  'malformed_entry',
  'missing_tile',
  'altered_tile',
  'altered_payload',
  /** A statement about pruned entries that nobody signed, or that does not fit this log. */
  'bad_pruning',
] as const
export type DamageKind = (typeof DAMAGE_KINDS)[number]

export type Damage = {
  readonly kind: DamageKind
  /** Of the first entry concerned, where that is known. */
  readonly index?: number
  /** The file in which it shows. */
  readonly path?: string
  readonly detail: string
}

export type Report = {
  readonly intact: boolean
  /** The first ones of each kind. */
  readonly damages: readonly Damage[]
  /** How many were found in all. */
  readonly found: number
  /** What the checkpoint claims; believe it only of an intact log. */
  readonly checkpoint?: Checkpoint
  /** Names of the known keys whose signatures hold. */
  readonly signers: readonly string[]
  /** Entries that were read, parsed and hashed. */
  readonly entries: number
  /** Entries below this are gone by a signed statement; their hashes were checked. */
  readonly prunedBelow: number
  readonly payloads: {
    readonly checked: number
    /** Entries that speak of a payload which is not here: erased, or not disclosed. */
    readonly absent: number
  }
  /** Files for entries after the checkpoint: nothing vouches for them yet. */
  readonly beyond: number
}

/** Enough of each kind to show; a log that is another log altogether would fill the memory. */
const MOST_OF_A_KIND = 64

/** What is found on the way. */
export class Findings {
  readonly damages: Damage[] = []
  found = 0
  readonly #counts = new Map<DamageKind, number>()

  add(kind: DamageKind, detail: string, where: { readonly index?: number; readonly path?: string } = {}): void {
    const count = this.#counts.get(kind) ?? 0
    this.#counts.set(kind, count + 1)
    this.found++
    if (count < MOST_OF_A_KIND) this.damages.push({ kind, detail, ...where })
  }

  has(...kinds: readonly DamageKind[]): boolean {
    return kinds.some((kind) => this.#counts.has(kind))
  }
}
