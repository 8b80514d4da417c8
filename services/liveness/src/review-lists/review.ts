export const LIST_KEYS = [
  'cert_rotation_candidates',
  'grants_approaching_expiry',
  'grants_overdue_for_review',
  'broad_scope_grants',
  'capability_drift',
  'unused_grants',
] as const
export type ListKey = (typeof LIST_KEYS)[number]

export type ListSeverity = 'low' | 'medium'

/** How grave a list that is not empty is (facts.md section 5). */
export const SEVERITY: Readonly<Record<ListKey, ListSeverity>> = {
  cert_rotation_candidates: 'medium',
  grants_approaching_expiry: 'medium',
  grants_overdue_for_review: 'low',
  broad_scope_grants: 'medium',
  capability_drift: 'medium',
  unused_grants: 'medium',
}

export type ReviewItem = {
  readonly peerId: string
  /** A grant's or a certificate's id, an extension's slug. */
  readonly subject: string
  readonly message: string
  readonly suggestion: string
  readonly command: string
}

export type ReviewList = {
  readonly key: ListKey
  readonly severity: ListSeverity
  /** How many there are; `items` holds the first of them. */
  readonly count: number
  readonly items: readonly ReviewItem[]
}

export type Trigger = 'weekly' | 'on_demand'

export type Review = {
  readonly id: string
  readonly trigger: Trigger
  readonly requestedBy: string
  readonly startedAt: Date
  readonly completedAt: Date
  readonly lists: readonly ReviewList[]
  /** Services that did not answer; what follows from their word is not among the lists. */
  readonly unread: readonly string[]
  readonly archivedGrants: number
}

/** So many of a list are shown. */
export const MOST_ITEMS = 200

export const listOf = (key: ListKey, items: readonly ReviewItem[]): ReviewList => ({
  key,
  severity: SEVERITY[key],
  count: items.length,
  items: items.slice(0, MOST_ITEMS),
})

export const findingCount = ({ lists }: Pick<Review, 'lists'>): number =>
  lists.reduce((sum, { count }) => sum + count, 0)

/** The source documents: high when there are more than ten. */
export const completedSeverity = (review: Pick<Review, 'lists'>): 'medium' | 'high' =>
  findingCount(review) > 10 ? 'high' : 'medium'

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS

/** Since when the next weekly review is due, given when the last one began. */
export const dueFrom = (last: Date): Date => new Date(last.getTime() + WEEK_MS)

/**
 * Whether a review that is due since `due` is kept though somebody does not answer: not at first, for it is tried again
 * soon; a day later it says who is missing.
 */
export const isLate = (due: Date, now: Date): boolean => now.getTime() - due.getTime() >= DAY_MS
