import type { Tx } from '@powernode/postgres'
import type { Tables } from './tables.ts'

/** Under which plan, and for whom, an invitation is held. */
export type HeldKey = { readonly planSha256: Buffer; readonly requestedBy: string }

/** Holds an invitation, sealed, for one approval; in the place of one that was held for the same plan before. */
export async function put(
  tx: Tx<Tables>,
  now: Date,
  held: HeldKey & { readonly sealed: Buffer; readonly approvalId: string | undefined },
): Promise<void> {
  const row = { invitation_sealed: held.sealed, approval_id: held.approvalId ?? null, held_at: now }
  await tx
    .insertInto('held_invitation')
    .values({ plan_sha256: held.planSha256, requested_by: held.requestedBy, ...row })
    .onConflict((on) => on.columns(['plan_sha256', 'requested_by']).doUpdateSet(row))
    .execute()
}

/** Takes one out, for good: undefined when there is none. */
export async function take(tx: Tx<Tables>, { planSha256, requestedBy }: HeldKey): Promise<Buffer | undefined> {
  const row = await tx
    .deleteFrom('held_invitation')
    .where('plan_sha256', '=', planSha256)
    .where('requested_by', '=', requestedBy)
    .returning('invitation_sealed as sealed')
    .executeTakeFirst()
  return row?.sealed
}

/** The approvals that invitations are held for. */
export async function listApprovals(tx: Tx<Tables>): Promise<string[]> {
  const rows = await tx
    .selectFrom('held_invitation')
    .select('approval_id as id')
    .where('approval_id', 'is not', null)
    .execute()
  return rows.flatMap(({ id }) => id ?? [])
}

/** Lets go of what was held for an approval that is over. */
export async function removeOf(tx: Tx<Tables>, approvalId: string): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('held_invitation')
    .where('approval_id', '=', approvalId)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Lets go of what was held since before `moment` without an approval: asking for it failed. */
export async function removeUnasked(tx: Tx<Tables>, moment: Date): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('held_invitation')
    .where('approval_id', 'is', null)
    .where('held_at', '<', moment)
    .executeTakeFirst()
  return Number(numDeletedRows)
}
