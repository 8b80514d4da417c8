import type { ResidencyRule, ResidencySettings } from '../residency.ts'
import type { GrantTx } from './tables.ts'

/**
 * Locks the residency of this platform until the transaction ends, and says what holds for all peers. MUST come before
 * anything is decided about regions, rules or tags: what one verb found to be a region stays one until it commits.
 */
export async function lock(tx: GrantTx): Promise<ResidencySettings> {
  return settingsFrom(await settingsQuery(tx).forUpdate().executeTakeFirstOrThrow())
}

/** What holds for all peers, without locking it. */
export async function settings(tx: GrantTx): Promise<ResidencySettings> {
  return settingsFrom(await settingsQuery(tx).executeTakeFirstOrThrow())
}

export async function saveSettings(tx: GrantTx, { defaultMode, homeRegion, begun }: ResidencySettings): Promise<void> {
  await tx
    .updateTable('residency_settings')
    .set({ default_mode: defaultMode, home_region: homeRegion ?? null, begun })
    .execute()
}

/** Every rule, by id. */
export async function all(tx: GrantTx): Promise<ResidencyRule[]> {
  const rows = await tx
    .selectFrom('residency_rule')
    .select(['id', 'peer_id', 'data_class', 'allowed_regions', 'mode'])
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    peerId: row.peer_id ?? undefined,
    dataClass: row.data_class,
    allowedRegions: row.allowed_regions,
    mode: row.mode,
  }))
}

/** Adds a rule, or replaces the one of its id. */
export async function save(tx: GrantTx, now: Date, { rule, by }: { rule: ResidencyRule; by: string }): Promise<void> {
  const row = {
    peer_id: rule.peerId ?? null,
    data_class: rule.dataClass,
    allowed_regions: rule.allowedRegions,
    mode: rule.mode,
    set_by: by,
    set_at: now,
  }
  await tx
    .insertInto('residency_rule')
    .values({ id: rule.id, ...row })
    .onConflict((on) => on.column('id').doUpdateSet(row))
    .execute()
}

export async function remove(tx: GrantTx, id: string): Promise<void> {
  await tx.deleteFrom('residency_rule').where('id', '=', id).execute()
}

const settingsQuery = (tx: GrantTx) =>
  tx.selectFrom('residency_settings').select(['default_mode', 'home_region', 'begun'])

function settingsFrom(row: {
  readonly default_mode: ResidencySettings['defaultMode']
  readonly home_region: string | null
  readonly begun: boolean
}): ResidencySettings {
  return { defaultMode: row.default_mode, homeRegion: row.home_region ?? undefined, begun: row.begun }
}
