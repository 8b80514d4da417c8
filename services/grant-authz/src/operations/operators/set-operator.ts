import { append } from '@powernode/events'
import { Refusal, type Permission } from '@powernode/rpc'
import type { Cause } from '../../events.ts'
import { operatorSet } from '../../events/operators.ts'
import {
  permissionsOf,
  refuseBeyond,
  refuseWithoutAdmin,
  setOperator as set,
  type Operator,
  type OperatorSaid,
  type Role,
} from '../../operator.ts'
import { closeApprovals } from '../approvals/close-approvals.ts'
import * as operators from '../../store/operators.ts'
import type { GrantTx } from '../../store/tables.ts'

/** Who sets it, and what that one may do. */
export type By = { readonly permissions: ReadonlySet<Permission>; readonly cause: Cause }

/**
 * An operator is made known, or is another from now on: other roles, paused, let go on.
 *
 * Under the lock of all operators, so that of two admins who demote one another one stays. Heard by audit-ledger; told to
 * every service by the feed of operators.
 */
export async function setOperator(
  tx: GrantTx,
  now: Date,
  { said, by: { permissions, cause } }: { said: OperatorSaid; by: By },
): Promise<{ operator: Operator; roles: readonly Role[] }> {
  await operators.lock(tx)
  const staff = await operators.staff(tx)
  const before = staff.operators.find(({ name }) => name === said.name)
  const after = set(before, said, { by: cause.actor, at: now, roles: staff.roles })

  const concerned = [...(before ? permissionsOf(before, staff.roles) : []), ...permissionsOf(after, staff.roles)]
  refuseBeyond(permissions, [...new Set(concerned)])
  const others = staff.operators.filter(({ name }) => name !== said.name)
  refuseWithoutAdmin([...others, after])
  refuseTakenSubjects(others, after)

  await operators.save(tx, after)
  await append(tx, operatorSet({ before, after, roles: staff.roles }, now, cause))
  if (!before) await closeApprovals(tx, now, { requestedBy: `operator/${after.name}`, by: cause.actor })
  return { operator: after, roles: staff.roles }
}

/** One subject is one operator: else it would be luck whose permissions a token comes with. */
function refuseTakenSubjects(others: readonly Operator[], { oidcSubjects }: Operator): void {
  for (const subject of oidcSubjects) {
    const whose = others.find((other) => other.oidcSubjects.includes(subject))
    if (whose) throw new Refusal('REQUEST_INVALID', `the subject ${subject} is that of ${whose.name} already`)
  }
}
