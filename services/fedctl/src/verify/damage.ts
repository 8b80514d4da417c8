import type { Damage as LogDamage } from '@powernode/ledger'
import { NoteFlaw } from '@powernode/tlog'
import { DAMAGE_EXIT, type ExitCode } from '../exit-codes.ts'

export type DamageKind = keyof typeof DAMAGE_EXIT

/** What each kind of damage means, for help and for people. */
export const MEANINGS: Readonly<Record<DamageKind, string>> = {
  missing_entry: 'an entry that the checkpoint speaks of is not there',
  altered_entry: 'an entry is not the one that was hashed into the tree',
  wrong_root: 'the entries give another root than the one that was signed',
  bad_signature: 'not signed by a key that was given, or the signature is false',
  rollback: 'the log is shorter than it has been',
  fork: 'the log is not the one that was signed before',
  gap: 'an entry does not stand where its own number puts it',
  altered_payload: 'a payload is not the one that its entry speaks of',
  missing_tile: 'a tile of hashes is not there',
  altered_tile: 'a tile holds other hashes than the tree',
  missing_checkpoint: 'there is no checkpoint: nothing vouches for the rest',
  malformed_checkpoint: 'the checkpoint is none',
  malformed_entry: 'signed and in its place, and no entry of a ledger',
  too_few_cosignatures: 'fewer witnesses stand by it than the policy asks for',
  wrong_log: 'signed and sound, and another log than the one expected',
  bad_pruning: 'a statement about dropped entries that nobody signed, or that does not fit',
  malformed_proof: 'the proof file is none',
  not_proven: 'the proof does not lead from the entry to the signed root',
}

export type Damage = {
  readonly kind: DamageKind
  readonly exit: ExitCode
  /** The entry it was found at. */
  readonly at?: number | undefined
  /** The file in which it shows. */
  readonly path?: string | undefined
  readonly words: string
}

export const damage = (kind: DamageKind, words: string, at?: number): Damage => ({
  kind,
  words,
  exit: DAMAGE_EXIT[kind],
  at,
})

export const logDamage = ({ kind, detail, index, path }: LogDamage): Damage => ({
  ...damage(kind, detail, index),
  path,
})

/** A kind as the service names it; what this version does not know is a wrong root at least. */
export const damageKind = (name: string): DamageKind => (name in DAMAGE_EXIT ? (name as DamageKind) : 'wrong_root') // a key of the table

/** What a flawed note or proof comes to. What is no flaw of these is thrown on. */
export function damageOf(error: unknown): Damage {
  if (!(error instanceof NoteFlaw)) throw error
  return damage(error.kind === 'malformed' ? 'malformed_proof' : 'bad_signature', error.message)
}

/** The gravest first. One harm shows in several ways: an altered entry, say, also speaks of another payload. */
const GRAVEST: readonly DamageKind[] = [
  'fork',
  'rollback',
  'missing_checkpoint',
  'malformed_checkpoint',
  'bad_signature',
  'wrong_log',
  'missing_entry',
  'altered_entry',
  'wrong_root',
  'gap',
  'malformed_entry',
]

/** The one that decides how a check ends. */
export function gravest(damages: readonly Damage[]): Damage | undefined {
  const rank = ({ kind }: Damage) => (GRAVEST.includes(kind) ? GRAVEST.indexOf(kind) : GRAVEST.length)
  return damages.toSorted((a, b) => rank(a) - rank(b))[0]
}
