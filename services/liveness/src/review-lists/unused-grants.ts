import { couldBeUnused, type GrantRow, type ReviewEvidence, type Use } from './evidence.ts'
import { wordsOf } from './grant-words.ts'
import type { ReviewItem } from './review.ts'

/**
 * Grants of which nothing, or not everything, was used for 30 days, with the smallest that would have done. Those that were
 * not looked at to the end are left out, as are those that are younger: they may be needed yet.
 */
export const unusedGrants = ({ grants, use }: ReviewEvidence, now: Date): readonly ReviewItem[] =>
  grants
    .filter((grant) => couldBeUnused(grant, now))
    .flatMap((grant) => {
      const used = use.get(grant.id)
      return used ? itemsOf(grant, used) : []
    })
    .toSorted((a, b) => a.peerId.localeCompare(b.peerId) || a.subject.localeCompare(b.subject))

function itemsOf(grant: GrantRow, { scopes }: Use): readonly ReviewItem[] {
  const { id, peerId } = grant
  const used = grant.scopes.filter((scope) => scopes.has(scope))
  if (used.length === grant.scopes.length) return []
  const idle = grant.scopes.filter((scope) => !scopes.has(scope))
  if (used.length === 0)
    return [
      {
        peerId,
        subject: id,
        message: `${wordsOf(grant)} was not used for 30 days`,
        suggestion: 'revoke it',
        command: `fedctl grant revoke ${id}`,
      },
    ]
  return [
    {
      peerId,
      subject: id,
      message: `of ${wordsOf(grant)}, ${idle.join(', ')} was not used for 30 days`,
      suggestion: `shrink it to ${used.join(', ')}, which is what was used`,
      command: `fedctl grant update ${id} --scope ${used.join(',')}`,
    },
  ]
}
