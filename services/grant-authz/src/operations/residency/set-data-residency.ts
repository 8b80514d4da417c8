import { append } from '@powernode/events'
import { residencySet, type By } from '../../events/residency.ts'
import { retag, sameDecision, type Mode, type Residency } from '../../residency.ts'
import * as regions from '../../store/regions.ts'
import * as residencies from '../../store/residencies.ts'
import * as rules from '../../store/residency-rules.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * Data that goes to a peer has to stay in a region from now on, or no longer; whatever the peer says of itself from now on:
 * `located`, which it says at this moment, is pinned beside the tag.
 *
 * Saying again what holds already is no change, and no news. Heard by audit-ledger.
 */
export async function setDataResidency(
  tx: GrantTx,
  now: Date,
  said: { by: By; peerId: string; tag: string | undefined; mode: Mode | ''; reason: string; located: string },
): Promise<Residency> {
  const { by, peerId, tag, mode, reason, located } = said
  await rules.lock(tx)
  const before = await residencies.lock(tx, peerId)
  const after = retag(await regions.all(tx), before, { tag, mode, reason, located, setBy: by.actor, setAt: now })
  if (sameDecision(before, after)) return before

  await residencies.save(tx, after)
  await append(tx, residencySet(before, after, { at: now, by }))
  return after
}
