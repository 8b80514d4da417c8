import { append } from '@powernode/events'
import { residencyDeclared, type By } from '../../events/residency.ts'
import { declare } from '../../residency.ts'
import * as regions from '../../store/regions.ts'
import * as residencies from '../../store/residencies.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * What peer-registry says that a peer declares of itself is noted, to be shown.
 *
 * It decides nothing where we have set a tag, so no gateway is told. That it lies outside of our tag is news, once. Heard
 * by audit-ledger.
 */
export async function declareResidency(
  tx: GrantTx,
  now: Date,
  { by, peerId, declared }: { by: By; peerId: string; declared: string },
): Promise<void> {
  const before = await residencies.find(tx, peerId)
  if ((before?.declared ?? '') === declared) return
  const locked = await residencies.lock(tx, peerId)
  const { after, isNews } = declare(await regions.all(tx), locked, declared)
  await residencies.save(tx, after)
  if (isNews) await append(tx, residencyDeclared(locked, after, { at: now, by }))
}
