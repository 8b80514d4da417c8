/** Whose log: the peer's about us, or ours, as the peer has witnessed it. */
export type Whose = 'theirs' | 'ours'

/** Two roots of one size, or no way from one to the other; shorter than it was; a signature that is none. */
export type AlarmKind = 'fork' | 'rollback' | 'unsigned'

/** What was found, with the two notes that contradict each other: evidence that anybody with the keys can check. */
export type Finding = {
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

/** Two truths about one log are told to everybody. A bad signature may be a mistake, and is left for whoever looks. */
export const isContradiction = ({ kind }: Pick<Finding, 'kind'>): boolean => kind !== 'unsigned'
