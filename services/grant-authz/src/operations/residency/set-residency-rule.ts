import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { ruleChanged, type By } from '../../events/residency.ts'
import { checkRule, type ResidencyRule } from '../../residency.ts'
import * as regions from '../../store/regions.ts'
import * as rules from '../../store/residency-rules.ts'
import type { GrantTx } from '../../store/tables.ts'
import { checkWhole } from './check-whole.ts'

/** Data of a class may go to other regions than before: a rule is added, or the one of this id replaced. */
export async function setResidencyRule(
  tx: GrantTx,
  now: Date,
  { by, rule: said }: { by: By; rule: ResidencyRule },
): Promise<ResidencyRule> {
  await rules.lock(tx)
  if (said.id !== '') requireRule(await rules.all(tx), said.id)
  checkRule(await regions.all(tx), said)

  const rule = { ...said, id: said.id || newId(now) }
  await rules.save(tx, now, { rule, by: by.actor })
  await checkWhole(tx)
  await append(tx, ruleChanged('rule-set', rule, { at: now, by }))
  return rule
}

/** A rule is gone. What data it held back is then held back by the rule for every class, or not. */
export async function removeResidencyRule(tx: GrantTx, now: Date, { by, id }: { by: By; id: string }): Promise<void> {
  await rules.lock(tx)
  const rule = requireRule(await rules.all(tx), id)
  await rules.remove(tx, id)
  await append(tx, ruleChanged('rule-removed', rule, { at: now, by }))
}

/** The rule of this id among those there are, or a refusal. */
export function requireRule(all: readonly ResidencyRule[], id: string): ResidencyRule {
  const rule = all.find((known) => known.id === id)
  if (rule) return rule
  throw new Refusal('RESIDENCY_RULE_NOT_FOUND', `there is no rule ${id}`, { next: 'fedctl residency rules' })
}
