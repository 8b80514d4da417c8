import type { ReviewEvidence } from './evidence.ts'
import { wordsOf } from './grant-words.ts'
import type { ReviewItem } from './review.ts'

const BROAD: ReadonlySet<string> = new Set(['admin', 'migrate'])

/** Grants that let a peer administer, or move things away: by peer. */
export const broadScope = ({ grants, use }: ReviewEvidence): readonly ReviewItem[] =>
  grants
    .filter(({ scopes }) => scopes.some((scope) => BROAD.has(scope)))
    .toSorted((a, b) => a.peerId.localeCompare(b.peerId) || a.id.localeCompare(b.id))
    .map((grant) => {
      const less = grant.scopes.filter((scope) => !BROAD.has(scope) || use.get(grant.id)?.scopes.has(scope))
      const isLess = less.length > 0 && less.length < grant.scopes.length
      return {
        peerId: grant.peerId,
        subject: grant.id,
        message: `${wordsOf(grant)} may do more than read and write`,
        suggestion: isLess
          ? `leave it ${less.join(', ')}, unless the rest is needed`
          : 'see whether it is still needed',
        command: isLess ? `fedctl grant update ${grant.id} --scope ${less.join(',')}` : `fedctl grant show ${grant.id}`,
      }
    })
