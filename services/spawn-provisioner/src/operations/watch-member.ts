import { judge, type Member, type Seen } from '../member.ts'
import type { SpawnWord } from '../spawn-word.ts'
import * as children from '../store/children.ts'
import * as members from '../store/members.ts'
import * as replication from '../store/replication.ts'
import type { SpawnTx } from '../store/tables.ts'
import { tell, type By } from './tell.ts'

export type Sight = {
  readonly childId: string
  readonly seen: Seen | undefined
  readonly keepBytes: number | null
  /** The member's `since` when it was looked: what was decided about it since then counts, and not what was seen before. */
  readonly since: Date
}

/** Notes what was seen of a member, says what became of it, and drops a slot that would fill the disk for nobody. */
export async function noteSight(
  tx: SpawnTx,
  now: Date,
  { childId, seen, keepBytes, since }: Sight,
): Promise<Member | undefined> {
  const before = await members.lock(tx, childId)
  if (!before || before.since.getTime() !== since.getTime()) return undefined
  const { member, word, dropSlot } = judge(before, { seen, keepBytes, now })
  await members.save(tx, member)
  if (word) await tellOf(tx, word, { childId, at: now, reason: member.reason })
  if (dropSlot) await replication.dropSlot(tx, member.slotName)
  return member
}

export type Reported = {
  readonly peerId: string
  readonly redisStatus: string
  readonly address: string
  /** What of it is not believed; empty: all is. */
  readonly claim: string
}

/** Notes what a member says of itself. Undefined: no child of ours has this peering. */
export async function noteReport(tx: SpawnTx, now: Date, said: Reported): Promise<Member | undefined> {
  const found = await members.ofPeer(tx, said.peerId)
  const before = found && (await members.lock(tx, found.childId))
  if (!before) return undefined
  const { redisStatus, address, claim } = said
  const member = { ...before, redisStatus: redisStatus || 'untried', address, claim, reportedAt: now }
  await members.save(tx, member)
  return member
}

/** The state of a member was decided by somebody: fenced, promoted, failed back, guarded no more. */
export async function moveMember(
  tx: SpawnTx,
  now: Date,
  { childId, state, reason }: Pick<Member, 'childId' | 'state' | 'reason'>,
): Promise<Member> {
  const before = await members.lock(tx, childId)
  if (!before) throw new Error(`the child ${childId} keeps no replica`)
  const member = { ...before, state, reason, since: now }
  await members.save(tx, member)
  return member
}

type Of = { readonly childId: string; readonly at: Date; readonly reason?: string; readonly by?: By }

export async function tellOf(tx: SpawnTx, word: SpawnWord, { childId, ...said }: Of): Promise<void> {
  await tell(tx, word, { child: await children.lock(tx, childId), ...said })
}
