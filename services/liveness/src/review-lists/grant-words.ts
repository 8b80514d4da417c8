import type { GrantRow } from './evidence.ts'

const DAY_MS = 86_400_000

/** A grant as a person reads it. */
export const wordsOf = ({ scopes, resourceKind, resourceId, remoteSubject }: GrantRow): string =>
  `${scopes.join(', ')} on ${resourceId === '' ? `every ${resourceKind}` : `${resourceKind} ${resourceId}`} for ${remoteSubject}`

/** Whole days between two moments. */
export const daysBetween = (from: Date, to: Date): number => Math.floor((to.getTime() - from.getTime()) / DAY_MS)

export const days = (count: number): string => `${count} ${count === 1 ? 'day' : 'days'}`
