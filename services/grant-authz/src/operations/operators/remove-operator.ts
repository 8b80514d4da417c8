import { append } from '@powernode/events'
import { operatorRemoved } from '../../events/operators.ts'
import { permissionsOf, refuseBeyond, refuseWithoutAdmin } from '../../operator.ts'
import * as operators from '../../store/operators.ts'
import type { GrantTx } from '../../store/tables.ts'
import { operatorNamed } from './find-operator.ts'
import type { By } from './set-operator.ts'

/**
 * An operator is let go: its certificate and its tokens open nothing from now on.
 *
 * Its certificate still says who it is, so revoking it belongs to the leaving too (peer-registry). Heard by audit-ledger;
 * told to every service by the feed of operators.
 */
export async function removeOperator(
  tx: GrantTx,
  now: Date,
  { name, by: { permissions, cause } }: { name: string; by: By },
): Promise<void> {
  await operators.lock(tx)
  const staff = await operators.staff(tx)
  const operator = operatorNamed(staff, name)
  refuseBeyond(permissions, permissionsOf(operator, staff.roles))
  refuseWithoutAdmin(staff.operators.filter((other) => other !== operator))

  await operators.remove(tx, name)
  await append(tx, operatorRemoved({ before: operator, roles: staff.roles }, now, cause))
}
