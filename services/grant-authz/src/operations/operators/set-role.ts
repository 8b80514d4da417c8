import { append } from '@powernode/events'
import { Refusal } from '@powernode/rpc'
import { roleChanged } from '../../events/operators.ts'
import { refuseBeyond, refuseBuiltIn, setRole as set, type Role } from '../../operator.ts'
import * as operators from '../../store/operators.ts'
import type { GrantTx } from '../../store/tables.ts'
import type { By } from './set-operator.ts'

/**
 * A role is made, or comes to something else from now on; whoever has it may do that at once.
 *
 * Heard by audit-ledger; told to every service by the feed of operators.
 */
export async function setRole(
  tx: GrantTx,
  now: Date,
  { said, by: { permissions, cause } }: { said: { name: string; permissions: readonly string[] }; by: By },
): Promise<Role> {
  await operators.lock(tx)
  const { roles } = await operators.staff(tx)
  const before = roles.find(({ name }) => name === said.name)
  const after = set(before, said)
  refuseBeyond(permissions, [...(before?.permissions ?? []), ...after.permissions])

  await operators.saveRole(tx, after)
  await append(tx, roleChanged(after, 'role-set', now, cause))
  return after
}

/** A role that nobody has is no more. Heard by audit-ledger. */
export async function removeRole(
  tx: GrantTx,
  now: Date,
  { name, by: { permissions, cause } }: { name: string; by: By },
): Promise<Role> {
  await operators.lock(tx)
  const staff = await operators.staff(tx)
  const role = staff.roles.find((one) => one.name === name)
  if (!role) throw new Refusal('ROLE_UNKNOWN', `there is no role ${name}`, { next: 'fedctl operator roles' })
  refuseBuiltIn(role)
  refuseBeyond(permissions, role.permissions)
  const holders = staff.operators.filter(({ roles }) => roles.includes(name)).map((operator) => operator.name)
  if (holders.length > 0) {
    throw new Refusal(
      'ROLE_IN_USE',
      `${holders.join(', ')} ${holders.length === 1 ? 'has' : 'have'} the role ${name}`,
      {
        metadata: { role: name, operators: holders.join(',') },
        next: 'give them other roles first',
      },
    )
  }
  await operators.removeRole(tx, name)
  await append(tx, roleChanged(role, 'role-removed', now, cause))
  return role
}
