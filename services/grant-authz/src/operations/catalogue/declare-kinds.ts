import { isDeepStrictEqual } from 'node:util'
import { CATALOGUE, type Kind } from '../../kind.ts'
import { requireRegion } from '../../region.ts'
import * as kinds from '../../store/kinds.ts'
import * as regions from '../../store/regions.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * The service starts with an inventory, and says where the catalogue answers. Kinds that are new are the catalogue's; those
 * it no longer has are shown to nobody; what stayed as it was is told to nobody.
 */
export async function declareKinds(
  tx: GrantTx,
  _now: Date,
  { inventory, ownAddress }: { inventory: readonly Kind[]; ownAddress: string },
): Promise<void> {
  await kinds.lock(tx)
  await kinds.saveOwnAddress(tx, ownAddress)
  const places = await regions.all(tx)
  const held = new Map((await kinds.all(tx)).map((known) => [known.kind, known]))
  for (const kind of inventory) {
    if (kind.region !== undefined) requireRegion(places, kind.region)
    const known = held.get(kind.kind)
    if (!known || !isDeepStrictEqual(known, { ...kind, server: known.server }))
      await kinds.declare(tx, kind, known?.server ?? CATALOGUE)
    held.delete(kind.kind)
  }
  for (const gone of held.keys()) await kinds.withdraw(tx, gone)
}
