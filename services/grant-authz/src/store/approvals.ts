import { sql, type Insertable, type SelectQueryBuilder } from 'kysely'
import type { Approval, ApprovalState, Vote } from '../approval.ts'
import type { ApprovalRow, ApprovalTables } from './approval-tables.ts'
import type { GrantTx } from './tables.ts'

const APPROVAL = [
  'id', 'action', 'state', 'summary', 'effects', 'plan_type as planType', 'plan', 'plan_sha256 as planSha256', 'owner',
  'requested_by as requestedBy', 'requested_at as requestedAt', 'expires_at as expiresAt',
  'approvers_needed as approversNeeded', 'autonomous', 'peer_id as peerId', 'request_id as requestId',
  'decided_at as decidedAt', 'executed_at as executedAt', 'failure_reason as failureReason',
  'failure_message as failureMessage',
] as const // prettier-ignore

type Bare = Omit<Approval, 'votes'>

/** Queues an act, unless the same plan of the same person waits already. Of many at once, one is queued. */
export async function insert(tx: GrantTx, approval: Bare): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('approval')
    .values(rowOf(approval))
    .onConflict((on) => on.columns(['requested_by', 'plan_sha256']).where('state', '=', 'pending').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

export async function find(tx: GrantTx, id: string): Promise<Approval | undefined> {
  return (await withVotes(tx, await tx.selectFrom('approval').select(APPROVAL).where('id', '=', id).execute()))[0]
}

/** Locks an approval until the transaction ends. MUST come before anything is decided about it. */
export async function lock(tx: GrantTx, id: string): Promise<Approval | undefined> {
  const rows = await tx.selectFrom('approval').select(APPROVAL).where('id', '=', id).forUpdate().execute()
  return (await withVotes(tx, rows))[0]
}

/** The one approval of this plan that this person is waiting for, locked. */
export async function lockPending(
  tx: GrantTx,
  { requestedBy, planSha256 }: Pick<Approval, 'requestedBy' | 'planSha256'>,
): Promise<Approval | undefined> {
  const rows = await tx
    .selectFrom('approval')
    .select(APPROVAL)
    .where('requested_by', '=', requestedBy)
    .where('plan_sha256', '=', planSha256)
    .where('state', '=', 'pending')
    .forUpdate()
    .execute()
  return (await withVotes(tx, rows))[0]
}

/** What a requester asked for and is neither over nor carried out, locked, the oldest first. */
export async function lockOpenOf(tx: GrantTx, requestedBy: string): Promise<Approval[]> {
  const rows = await tx
    .selectFrom('approval')
    .select(APPROVAL)
    .where('requested_by', '=', requestedBy)
    .where('state', 'in', ['pending', 'approved'])
    .orderBy('id')
    .forUpdate()
    .execute()
  return withVotes(tx, rows)
}

/** How many acts of a requester wait, of those whose time is not over. */
export async function countPending(tx: GrantTx, now: Date, requestedBy: string): Promise<number> {
  const row = await tx
    .selectFrom('approval')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('requested_by', '=', requestedBy)
    .where('state', '=', 'pending')
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  return row.count
}

/** Locks those whose time is over, but leaves those that somebody is deciding. */
export async function lockDue(tx: GrantTx, now: Date, limit: number): Promise<Approval[]> {
  const rows = await tx
    .selectFrom('approval')
    .select(APPROVAL)
    .where('state', '=', 'pending')
    .where('expires_at', '<=', now)
    .orderBy('expires_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
    .execute()
  return withVotes(tx, rows)
}

/** Writes a locked approval as it stands now. What was asked for never changes; the database refuses other moves than ours. */
export async function save(tx: GrantTx, { id, state, decidedAt, executedAt, ...rest }: Approval): Promise<void> {
  await tx
    .updateTable('approval')
    .set({
      state,
      decided_at: decidedAt,
      executed_at: executedAt,
      failure_reason: rest.failureReason,
      failure_message: rest.failureMessage,
    })
    .where('id', '=', id)
    .execute()
}

/** Writes down a vote. */
export async function addVote(tx: GrantTx, approvalId: string, { by, approves, reason, at }: Vote): Promise<void> {
  await tx.insertInto('approval_vote').values({ approval_id: approvalId, voter: by, approves, reason, at }).execute()
}

/** The newest first, from the one after `beforeId` on; no more than fit into an answer. */
export async function list(
  tx: GrantTx,
  said: { states: readonly ApprovalState[]; peerId: string | undefined; beforeId: string | undefined; limit: number },
): Promise<Page> {
  let query = tx
    .selectFrom('approval')
    .select(SIZED)
    .orderBy('id', 'desc')
    .limit(said.limit + 1)
  if (said.states.length > 0) query = query.where('state', 'in', said.states)
  if (said.peerId !== undefined) query = query.where('peer_id', '=', said.peerId)
  if (said.beforeId !== undefined) query = query.where('id', '<', said.beforeId)
  const found = await query.execute()
  const fitting = fittingOf(found).slice(0, said.limit)
  const approvals = await allOf(tx, fitting)
  return {
    approvals: approvals.toSorted((one, other) => (one.id > other.id ? -1 : 1)),
    hasMore: found.length > fitting.length,
  }
}

export type Page = { readonly approvals: readonly Approval[]; readonly hasMore: boolean }

/** Plans and effects may be long: a page of them must not be more than a message may be, or nobody could read any. */
const MOST_BYTES = 2 ** 20
const SIZED = ['id', sql<number>`octet_length(plan) + octet_length(array_to_string(effects, ' '))`.as('bytes')] as const

/** The ids of as many as fit into an answer, one in any case. */
function fittingOf(found: readonly { readonly id: string; readonly bytes: number }[]): string[] {
  let bytes = 0
  return found.filter((row, at) => (bytes += row.bytes) <= MOST_BYTES || at === 0).map(({ id }) => id)
}

async function allOf(tx: GrantTx, ids: readonly string[]): Promise<Approval[]> {
  if (ids.length === 0) return []
  return withVotes(tx, await tx.selectFrom('approval').select(APPROVAL).where('id', 'in', ids).execute())
}

export type ExecutablePage = { readonly owner: string; readonly afterId: string; readonly limit: number }

/** What a service has to carry out now, the longest approved first, behind `afterId`; no more than fit into an answer. */
export async function listExecutable(tx: GrantTx, { owner, afterId, limit }: ExecutablePage): Promise<Approval[]> {
  const behind = sql<boolean>`(decided_at, id) > (select last.decided_at, last.id from approval last where last.id = ${afterId}::uuid)`
  const rows = await executable(tx)
    .select(SIZED)
    .where('owner', '=', owner)
    .$if(afterId !== '', (query) => query.where(behind))
    .orderBy('decided_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  const ids = fittingOf(rows)
  const place = new Map(ids.map((id, at) => [id, at]))
  return (await allOf(tx, ids)).toSorted((one, other) => (place.get(one.id) ?? 0) - (place.get(other.id) ?? 0))
}

/** How many approvals each service has to carry out now. */
export async function countExecutable(tx: GrantTx): Promise<ReadonlyMap<string, number>> {
  const rows = await executable(tx)
    .select((of) => ['owner', of.fn.countAll<number>().as('count')])
    .groupBy('owner')
    .execute()
  return new Map(rows.map(({ owner, count }) => [owner, count]))
}

/**
 * What is approved, and may be done at this moment: what an agent asked for waits while agents are halted, what has been
 * blocked since waits until it no longer is, and nothing is done for somebody who may do nothing.
 */
function executable(tx: GrantTx): SelectQueryBuilder<ApprovalTables, 'approval', object> {
  return tx
    .selectFrom('approval')
    .where('state', '=', 'approved')
    .where(sql<boolean>`not (autonomous and (select halted from autonomy))`)
    .where(
      sql<boolean>`not exists (select 1 from approval_policy p where p.action = approval.action and p.verb = 'blocked')`,
    )
    .where(
      sql<boolean>`(approval.requested_by = approval.owner or exists (
        select 1 from operator o where 'operator/' || o.name = approval.requested_by and not o.paused))`,
    )
}

async function withVotes(tx: GrantTx, rows: readonly Bare[]): Promise<Approval[]> {
  if (rows.length === 0) return []
  const votes = await tx
    .selectFrom('approval_vote')
    .select(['approval_id as approvalId', 'voter as by', 'approves', 'reason', 'at'])
    .where(
      'approval_id',
      'in',
      rows.map(({ id }) => id),
    ) // prettier-ignore
    .orderBy('at')
    .orderBy('voter')
    .execute()
  const of = Map.groupBy(votes, ({ approvalId }) => approvalId)
  return rows.map((row) => ({ ...row, votes: (of.get(row.id) ?? []).map(voteOf) }))
}

const voteOf = ({ by, approves, reason, at }: Vote): Vote => ({ by, approves, reason, at })

function rowOf(approval: Bare): Insertable<ApprovalRow> {
  const { id, action, state, summary, effects, plan, owner, autonomous } = approval
  return {
    id, action, state, summary, effects, plan, owner, autonomous,
    plan_type: approval.planType,
    plan_sha256: approval.planSha256,
    requested_by: approval.requestedBy,
    requested_at: approval.requestedAt,
    expires_at: approval.expiresAt,
    approvers_needed: approval.approversNeeded,
    peer_id: approval.peerId,
    request_id: approval.requestId,
    decided_at: approval.decidedAt,
    executed_at: approval.executedAt,
    failure_reason: approval.failureReason,
    failure_message: approval.failureMessage,
  } // prettier-ignore
}
