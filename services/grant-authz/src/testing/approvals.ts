import { create } from '@bufbuild/protobuf'
import { planOf, type Plan } from '@powernode/approvals'
import { inTransaction } from '@powernode/postgres'
import { EnforcementSchema } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { RevokePeerRequestSchema } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { sql } from 'kysely'
import type { Approval } from '../approval.ts'
import { approveApproval, type Decided } from '../operations/approvals/decide-approval.ts'
import { requestApproval, type ApprovalAnswer, type ApprovalSaid } from '../operations/approvals/request-approval.ts'
import type { GrantTx } from '../store/tables.ts'
import { NOW, PEER, testGrants } from '../testing.ts'

export const REVOKE = 'sdwan.federation_peer_revoke'
export const OWNER = 'service/peer-registry'
export const HOUR = 3_600_000
export const after = (ms: number): Date => new Date(NOW.getTime() + ms)

/** People who may control, one who may not, and two programs. */
const OPERATORS = [
  ['alice', 'person', 'operator'],
  ['bob', 'person', 'operator'],
  ['carol', 'person', 'operator'],
  ['vera', 'person', 'viewer'],
  ['robot', 'agent', 'agent'],
  ['bold-robot', 'agent', 'operator'],
] as const

/** What an agent or a person wants done: a peer revoked, for this reason. */
export function planTo(reason: string): Plan {
  return planOf(REVOKE, RevokePeerRequestSchema, create(RevokePeerRequestSchema, { peerId: PEER, reason }))
}

/** grant-authz as far as approvals go, with operators to ask and to approve. */
export async function startApprovals() {
  const database = await testGrants()
  const act = <Result>(verb: (tx: GrantTx) => Promise<Result>): Promise<Result> => inTransaction(database.db, verb)
  await act(async (tx) => {
    await sql`insert into operator (name, kind, paused, note, set_by, set_at) values ('root', 'person', false, '', '', ${NOW})`.execute(
      tx,
    )
    await sql`insert into operator_role (operator, role) values ('root', 'admin')`.execute(tx)
    for (const [name, kind, role] of OPERATORS) {
      await sql`insert into operator (name, kind, paused, note, set_by, set_at) values (${name}, ${kind}, false, '', '', ${NOW})`.execute(
        tx,
      )
      await sql`insert into operator_role (operator, role) values (${name}, ${role})`.execute(tx)
    }
  })

  const ask = (
    requester: string,
    said: Partial<ApprovalSaid> & { at?: Date; why?: string } = {},
  ): Promise<ApprovalAnswer> => {
    const { at = NOW, why = 'it left', ...rest } = said
    const plan = planTo(why).any
    return act((tx) =>
      requestApproval(tx, at, {
        action: REVOKE, summary: `revoke the peer: ${why}`, effects: ['the peering ends'], plan, owner: OWNER,
        requestedBy: `operator/${requester}`, peerId: PEER, requestId: 'request-1',
        countsAsApproval: !requester.includes('robot') && requester !== 'vera',
        ...rest,
      }),
    ) // prettier-ignore
  }
  /** As ask, of what has to wait. */
  const waits = async (...said: Parameters<typeof ask>): Promise<Approval> => {
    const answer = await ask(...said)
    if (answer.proceed) throw new Error('it may be done at once')
    return answer.approval
  }
  const approve = (approval: Approval, by: string, at: Date = NOW): Promise<Decided> => {
    const { id: approvalId, planSha256 } = approval
    return act((tx) => approveApproval(tx, at, { approvalId, planSha256, by: `operator/${by}`, reason: '' }))
  }
  const policy = (verb: string, approvers = 1) =>
    act((tx) =>
      sql`update approval_policy set verb = ${verb}, approvers = ${approvers} where action = ${REVOKE}`.execute(tx),
    )
  return { ...database, act, ask, waits, approve, policy }
}

export type Approvals = Awaited<ReturnType<typeof startApprovals>>

/** Nobody listens, so nobody is waited for. */
export const NOBODY_LISTENS = { enforced: async (epoch: bigint) => create(EnforcementSchema, { epoch }) }
