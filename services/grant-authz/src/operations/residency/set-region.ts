import { append } from '@powernode/events'
import { Refusal } from '@powernode/rpc'
import { regionsChanged, type By } from '../../events/residency.ts'
import { checkParent, requireRegion, type Region } from '../../region.ts'
import * as regions from '../../store/regions.ts'
import * as rules from '../../store/residency-rules.ts'
import type { GrantTx } from '../../store/tables.ts'
import { checkWhole } from './check-whole.ts'

/** A region becomes known, or lies in another from now on. */
export async function setRegion(tx: GrantTx, now: Date, { by, region }: { by: By; region: Region }): Promise<Region> {
  const settings = await rules.lock(tx)
  const known = await regions.all(tx)
  checkParent(known, region)
  const before = known.get(region.name)
  if (before && before.parent === region.parent) return before

  await regions.save(tx, region)
  await checkWhole(tx)
  await append(tx, regionsChanged({ settings, changed: region }, { at: now, by }))
  return region
}

/** A region is no longer one. Refused while anything stands on it, naming what does. */
export async function removeRegion(tx: GrantTx, now: Date, { by, name }: { by: By; name: string }): Promise<void> {
  const settings = await rules.lock(tx)
  const region = requireRegion(await regions.all(tx), name)
  const usedBy = await regions.usedBy(tx, name)
  if (usedBy !== undefined) {
    throw new Refusal('REGION_IN_USE', `${usedBy} stands on ${name}`, { metadata: { region: name, used_by: usedBy } })
  }
  await regions.remove(tx, region)
  await append(tx, regionsChanged({ settings, removed: name }, { at: now, by }))
}
