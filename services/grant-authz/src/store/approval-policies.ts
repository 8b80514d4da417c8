import type { ApprovalPolicy, Autonomy } from '../approval-policy.ts'
import type { GrantTx } from './tables.ts'

const POLICY = ['action', 'verb', 'approvers', 'description', 'set_by as setBy', 'set_at as setAt'] as const
const AUTONOMY = ['halted', 'reason', 'set_by as setBy', 'since'] as const

/** Every policy, by its action. */
export async function list(tx: GrantTx): Promise<ApprovalPolicy[]> {
  return tx.selectFrom('approval_policy').select(POLICY).orderBy('action').execute()
}

export async function find(tx: GrantTx, action: string): Promise<ApprovalPolicy | undefined> {
  return tx.selectFrom('approval_policy').select(POLICY).where('action', '=', action).executeTakeFirst()
}

/** Locks the policy of an action until the transaction ends. */
export async function lock(tx: GrantTx, action: string): Promise<ApprovalPolicy | undefined> {
  return tx.selectFrom('approval_policy').select(POLICY).where('action', '=', action).forUpdate().executeTakeFirst()
}

/** Writes a policy that is locked. Every service is told by the commit. */
export async function save(
  tx: GrantTx,
  { action, verb, approvers, setBy, setAt }: Omit<ApprovalPolicy, 'description'>,
): Promise<void> {
  await tx
    .updateTable('approval_policy')
    .set({ verb, approvers, set_by: setBy, set_at: setAt })
    .where('action', '=', action)
    .execute()
}

export async function autonomy(tx: GrantTx): Promise<Autonomy> {
  return tx.selectFrom('autonomy').select(AUTONOMY).executeTakeFirstOrThrow()
}

export async function lockAutonomy(tx: GrantTx): Promise<Autonomy> {
  return tx.selectFrom('autonomy').select(AUTONOMY).forUpdate().executeTakeFirstOrThrow()
}

/** Halts or resumes what acts by itself. Every service is told by the commit. */
export async function saveAutonomy(tx: GrantTx, { halted, reason, setBy, since }: Autonomy): Promise<void> {
  await tx.updateTable('autonomy').set({ halted, reason, set_by: setBy, since }).execute()
}
