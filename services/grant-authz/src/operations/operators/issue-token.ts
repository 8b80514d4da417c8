import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { tokenIssued } from '../../events/operators.ts'
import { checkTtl, type TokenSaid } from '../../operator-token.ts'
import { permissionsOf, refuseBeyond } from '../../operator.ts'
import * as operators from '../../store/operators.ts'
import type { GrantTx } from '../../store/tables.ts'
import { operatorNamed } from './find-operator.ts'
import type { By } from './set-operator.ts'

/**
 * Somebody is to be given a token that speaks for an operator: what it will say, once that stands in the ledger.
 *
 * What cannot be announced is not signed. A token gives no more than whoever has it made may do himself. Heard by
 * audit-ledger.
 */
export async function issueToken(
  tx: GrantTx,
  now: Date,
  { name, certificateSha256, ttlMs, by }: { name: string; certificateSha256: Uint8Array; ttlMs: number; by: By },
): Promise<TokenSaid> {
  const expiresAt = new Date(now.getTime() + checkTtl(ttlMs))
  await operators.lock(tx)
  const staff = await operators.staff(tx)
  const operator = operatorNamed(staff, name)
  refuseBeyond(by.permissions, permissionsOf(operator, staff.roles))
  if (operator.paused) {
    throw new Refusal('OPERATOR_PAUSED', `operator/${name} is paused`, {
      metadata: { operator: name },
      next: `fedctl operator set ${name} --resume`,
    })
  }
  await append(tx, tokenIssued(operator, staff.roles, now, by.cause))
  return { id: newId(now), operator: name, certificateSha256, issuedAt: now, expiresAt }
}
