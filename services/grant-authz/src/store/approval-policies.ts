import { sql } from 'kysely'
import type { ApprovalPolicy, Autonomy } from '../approval-policy.ts'
import type { GrantTx } from './tables.ts'

const POLICY = [
  'action', 'verb', 'approvers', 'description', 'set_by as setBy', 'set_at as setAt', 'own_verb as ownVerb',
  'own_approvers as ownApprovers',
] as const // prettier-ignore
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

/** Locks the policies of these actions, those that there are, in the order of their actions. */
export async function lockAll(tx: GrantTx, actions: readonly string[]): Promise<ApprovalPolicy[]> {
  return tx
    .selectFrom('approval_policy')
    .select(POLICY)
    .where('action', '=', sql<string>`any(${actions}::text[])`)
    .orderBy('action')
    .forUpdate()
    .execute()
}

/** Locks the policies that somebody set, in the order of their actions. */
export async function lockSetBy(tx: GrantTx, setBy: string): Promise<ApprovalPolicy[]> {
  return tx
    .selectFrom('approval_policy')
    .select(POLICY)
    .where('set_by', '=', setBy)
    .orderBy('action')
    .forUpdate()
    .execute()
}

type Written = Omit<ApprovalPolicy, 'description'>

/** Writes a policy that is locked. Every service is told by the commit. */
export const save = (tx: GrantTx, policy: Written): Promise<void> => saveAll(tx, [policy])

/** Writes policies that are locked, all in one statement. */
export async function saveAll(tx: GrantTx, policies: readonly Written[]): Promise<void> {
  if (policies.length === 0) return
  await sql`
    update approval_policy as kept
    set verb = said.verb, approvers = said.approvers, set_by = said.set_by, set_at = said.set_at,
      own_verb = said.own_verb, own_approvers = said.own_approvers
    from unnest(
      ${policies.map(({ action }) => action)}::text[], ${policies.map(({ verb }) => verb)}::text[],
      ${policies.map(({ approvers }) => approvers)}::integer[], ${policies.map(({ setBy }) => setBy)}::text[],
      ${policies.map(({ setAt }) => setAt?.toISOString() ?? null)}::timestamptz[],
      ${policies.map(({ ownVerb }) => ownVerb)}::text[], ${policies.map(({ ownApprovers }) => ownApprovers)}::integer[]
    ) as said (action, verb, approvers, set_by, set_at, own_verb, own_approvers)
    where kept.action = said.action`.execute(tx)
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
