import type { CopyPlace, Head } from './log-files.ts'

/** Whose log: the peer's about us, or ours, as the peer has witnessed it. */
export type Whose = 'theirs' | 'ours'

/** Two roots of one size, or no way from one to the other; shorter than it was; a signature that is none; a copy of it that says something else. */
export type AlarmKind = 'fork' | 'rollback' | 'unsigned' | CopyPlace

/** What was found, with the two notes that contradict each other: evidence that anybody with the keys can check. */
export type Finding = {
  /** Empty: about the platform's own log. */
  readonly peerId: string
  readonly whose: Whose
  readonly kind: AlarmKind
  readonly detail: string
  readonly firstNote: string
  readonly secondNote: string
}

export type Alarm = Finding & {
  readonly id: string
  readonly at: Date
  readonly settled: { readonly at: Date; readonly by: string; readonly note: string } | undefined
}

/** A copy of our log, outside of the database, that is not the same. */
export type Contradicted = {
  readonly head: Pick<Head, 'name' | 'note' | 'cosignatures'>
  readonly place: CopyPlace
  readonly detail: string
  /** The checkpoint that stands there, if one does. */
  readonly found: string
}

/** Whether a log of ours waits for this to be settled. What copies say keeps nobody from writing. */
export const holdsOurLog = ({ whose, kind }: Pick<Finding, 'whose' | 'kind'>): boolean =>
  whose === 'ours' && (kind === 'fork' || kind === 'rollback')

/** Two truths about one log are told to everybody. A bad signature may be a mistake, and is left for whoever looks. */
export const isContradiction = ({ kind }: Pick<Finding, 'kind'>): boolean => kind !== 'unsigned'
