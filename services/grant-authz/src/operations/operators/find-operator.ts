import { Refusal } from '@powernode/rpc'
import type { Operator, Staff } from '../../operator.ts'
import * as operators from '../../store/operators.ts'
import type { GrantTx } from '../../store/tables.ts'

/** Everybody, and the roles there are. */
export const listStaff = (tx: GrantTx, _now: Date): Promise<Staff> => operators.staff(tx)

/** The operator of that name, which MUST be there. */
export function operatorNamed({ operators: all }: Staff, name: string): Operator {
  const found = all.find((operator) => operator.name === name)
  if (found) return found
  throw new Refusal('OPERATOR_UNKNOWN', `there is no operator ${name}`, {
    metadata: { operator: name },
    next: 'fedctl operator list',
  })
}
