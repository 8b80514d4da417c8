/** What a node says of itself that others are told. */
export type NodeSays = {
  readonly appliedVersion: string
  readonly rolledBackVersion: string
  readonly drifted: boolean
}

/** What was announced of a node, and how often in the hour that began then. */
export type Told = NodeSays & { readonly count: number; readonly since: Date | null }

export type NodeWord = 'node_applied' | 'node_rolled_back' | 'node_drifted'

/** News of one node within an hour. A node says what it likes; what it says more often than any can come to pass is let lie. */
const MOST_AN_HOUR = 60
const HOUR_MS = 3_600_000

/**
 * What is news in what a node says, and what has been told after it. What could not be told within this hour is told in the
 * next, as it is by then.
 */
export function nodeNews(
  told: Told,
  says: NodeSays,
  now: Date,
): { readonly words: readonly NodeWord[]; readonly told: Told } {
  // prettier-ignore
  const isOver = !told.since || now.getTime() - told.since.getTime() >= HOUR_MS
  const spent = isOver ? { count: 0, since: now } : { count: told.count, since: told.since }
  const news: NodeWord[] = []
  if (says.appliedVersion !== '' && says.appliedVersion !== told.appliedVersion) news.push('node_applied')
  if (says.rolledBackVersion !== '' && says.rolledBackVersion !== told.rolledBackVersion) news.push('node_rolled_back')
  if (says.drifted && !told.drifted) news.push('node_drifted')
  const words = news.slice(0, Math.max(0, MOST_AN_HOUR - spent.count))
  const isTold = (word: NodeWord): boolean => words.includes(word)
  return {
    words,
    told: {
      appliedVersion: isTold('node_applied') ? says.appliedVersion : told.appliedVersion,
      rolledBackVersion: isTold('node_rolled_back') ? says.rolledBackVersion : told.rolledBackVersion,
      drifted: says.drifted && (told.drifted || isTold('node_drifted')),
      count: spent.count + words.length,
      since: spent.since,
    },
  }
}
