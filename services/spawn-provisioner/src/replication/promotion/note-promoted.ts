import { moveMember, tellOf } from '../../operations/watch-member.ts'
import * as members from '../../store/members.ts'
import type { SpawnTx } from '../../store/tables.ts'
import type { PromotionRecord } from './promotion-record.ts'

/**
 * Writes down that a member was promoted, where that can be written again: in the database that was fenced when it happened,
 * of which this one is a copy. Once; safe to repeat.
 */
export async function notePromoted(tx: SpawnTx, now: Date, record: PromotionRecord): Promise<void> {
  const { childId, address, newTimeline, by } = record
  const member = await members.lock(tx, childId)
  if (member?.state !== 'fenced') return
  const reason = `the primary at ${address}, on timeline ${newTimeline}`
  await moveMember(tx, now, { childId, state: 'promoted', reason })
  await tellOf(tx, 'promoted', { childId, at: now, reason, by: { actor: by } })
}

type Returned = { readonly record: PromotionRecord; readonly actor: string; readonly reason: string }

/** Writes down that we are the primary again, and that the member is to be let in. Once; safe to repeat. */
export async function noteReturned(tx: SpawnTx, now: Date, { record, actor, reason }: Returned): Promise<void> {
  const { childId } = record
  await notePromoted(tx, now, record)
  const member = await members.lock(tx, childId)
  // Of one that took over by itself its own history, which is ours now, tells nothing.
  const isUntold = record.byItself && member !== undefined && member.since < new Date(record.startedAt)
  if (member?.state !== 'promoted' && !isUntold) return
  await moveMember(tx, now, { childId, state: 'failed_back', reason })
  await tellOf(tx, 'failed_back', { childId, at: now, reason, by: { actor } })
}
