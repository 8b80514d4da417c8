import { Refusal } from '@powernode/rpc'
import type { Fence } from './fence.ts'
import { isOver, type PromotionFile, type PromotionRecord } from './promotion-record.ts'

export type TakenUp = { readonly record: PromotionRecord; readonly isFenced: boolean }

/**
 * From where it goes on. A fence that stands is somebody's: of the promotion that is asked for once more, or of one that
 * made another member the primary, and that one MUST NOT be taken for ours.
 */
export async function takenUp(file: PromotionFile, fence: Fence, begun: PromotionRecord): Promise<TakenUp> {
  const before = file.read()
  const at = await fence.facts().catch((error: unknown) => {
    if (error instanceof Refusal || !begun.forced) throw error // a database that is gone can only be left behind by force
    return undefined
  })
  const isFenced = at?.fenced ?? false
  const isOurs = before?.childId === begun.childId
  if (before?.told) {
    const { hostname, timeline, reason, forced } = before
    const next = `fedctl child fail-back ${hostname}`
    const isThere = at !== undefined && !isFenced && at.timeline > timeline
    if (isThere && isOurs) throw new Refusal('CHILD_STATE_FORBIDS', `${hostname} is the primary, and ours`, { next })
    if (!isThere && !isOurs)
      throw new Refusal('CHILD_STATE_FORBIDS', `${hostname} is the primary in our place, or may be`, { next })
    if (isOurs)
      return {
        record: {
          ...before,
          by: begun.by,
          approvalId: begun.approvalId,
          reason: begun.reason || reason,
          forced: begun.forced || forced,
          failure: '',
        },
        isFenced,
      }
  } else if (isFenced && !(before && isOurs && !isOver(before)))
    throw new Refusal('CHILD_STATE_FORBIDS', 'our Postgres is fenced, and nothing here says for whom', {
      next: 'find the promotion.json of the replica that promoted; docs/cluster-members.md',
    })
  return { record: begun, isFenced }
}
