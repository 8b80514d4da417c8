import { append } from '@powernode/events'
import { residencyDeclared, type By } from '../../events/residency.ts'
import { declare } from '../../residency.ts'
import * as regions from '../../store/regions.ts'
import * as residencies from '../../store/residencies.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * What peer-registry says that a peer declares of itself is noted, to be shown.
 *
 * It changes nothing of what we have set, so no gateway is told of it by us. That it lies outside of our tag is news, and
 * that it lies inside after all. Heard by audit-ledger.
 */
export async function declareResidency(
  tx: GrantTx,
  now: Date,
  { by, peerId, declared }: { by: By; peerId: string; declared: string },
): Promise<void> {
  const before = await residencies.find(tx, peerId)
  if ((before?.declared ?? '') === declared) return
  const locked = await residencies.lock(tx, peerId)
  const { after, news } = declare(await regions.all(tx), locked, declared)
  await residencies.save(tx, after)
  if (news) await append(tx, residencyDeclared(locked, after, { news, at: now, by }))
}
