import { append } from '@powernode/events'
import { BY_ITSELF } from '../../events.ts'
import { operatorSet } from '../../events/operators.ts'
import { ADMIN, type Operator } from '../../operator.ts'
import * as operators from '../../store/operators.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * While there is no operator at all, the one of the configuration is made admin: the platform's first.
 *
 * Afterwards never again, whatever the configuration says: there is always an admin, who decides. Heard by audit-ledger.
 */
export async function appointFirst(tx: GrantTx, now: Date, { name }: { name: string }): Promise<Operator | undefined> {
  await operators.lock(tx)
  const { operators: all, roles } = await operators.staff(tx)
  if (all.length > 0) return undefined

  const after: Operator = {
    name,
    kind: 'person',
    roles: [ADMIN],
    paused: false,
    note: 'the first operator of this platform',
    oidcSubjects: [],
    setBy: BY_ITSELF.actor,
    setAt: now,
  }
  await operators.save(tx, after)
  await append(tx, operatorSet({ before: undefined, after, roles }, now, BY_ITSELF))
  return after
}
