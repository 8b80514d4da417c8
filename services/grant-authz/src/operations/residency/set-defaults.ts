import { append } from '@powernode/events'
import { BY_OURSELVES, defaultsChanged, type By } from '../../events/residency.ts'
import { requireRegion } from '../../region.ts'
import type { Mode, ResidencySettings } from '../../residency.ts'
import * as regions from '../../store/regions.ts'
import * as rules from '../../store/residency-rules.ts'
import type { GrantTx } from '../../store/tables.ts'

/** What holds for peers without a tag is another mode; and our own data is elsewhere, when that is said. */
export async function setDefaults(
  tx: GrantTx,
  now: Date,
  { by, defaultMode, homeRegion }: { by: By; defaultMode: Mode; homeRegion: string | undefined },
): Promise<void> {
  const before = await rules.lock(tx)
  if (homeRegion) requireRegion(await regions.all(tx), homeRegion)
  const after: ResidencySettings =
    homeRegion === undefined
      ? { ...before, defaultMode }
      : { defaultMode, homeRegion: homeRegion || undefined, begun: true }
  if (after.defaultMode === before.defaultMode && after.homeRegion === before.homeRegion) return

  await rules.saveSettings(tx, after)
  await append(tx, defaultsChanged(after, { at: now, by }))
}

/**
 * The platform starts, and its configuration says where its own data is. Taken once: afterwards operators decide, and a
 * configuration that was forgotten somewhere changes nothing.
 */
export async function beginResidency(tx: GrantTx, now: Date, { homeRegion }: { homeRegion: string }): Promise<void> {
  const before = await rules.lock(tx)
  if (before.begun || homeRegion === '') return
  await setDefaults(tx, now, { by: BY_OURSELVES, defaultMode: before.defaultMode, homeRegion })
}
