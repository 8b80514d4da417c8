import type { Settings } from '../settings.ts'
import type { GrantTx } from './tables.ts'

const SETTINGS = [
  'default_ttl_ms as defaultTtlMs', 'managed_child_ttl_ms as managedChildTtlMs', 'longest_ttl_ms as longestTtlMs',
  'strict_axes as strictAxes', 'remind_before_ms as remindBeforeMs', 'operator_grant as operatorGrant',
  'operator_grant_scopes as operatorGrantScopes', 'revision',
] as const // prettier-ignore

export async function read(tx: GrantTx): Promise<Settings> {
  return tx.selectFrom('grant_settings').select(SETTINGS).executeTakeFirstOrThrow()
}

/** The settings, held until the transaction ends: of two who replace them, the second sees what the first wrote. */
export async function lock(tx: GrantTx): Promise<Settings> {
  return tx.selectFrom('grant_settings').select(SETTINGS).forUpdate().executeTakeFirstOrThrow()
}

export async function save(tx: GrantTx, settings: Settings): Promise<void> {
  await tx
    .updateTable('grant_settings')
    .set({
      default_ttl_ms: settings.defaultTtlMs,
      managed_child_ttl_ms: settings.managedChildTtlMs,
      longest_ttl_ms: settings.longestTtlMs,
      strict_axes: settings.strictAxes,
      remind_before_ms: settings.remindBeforeMs,
      operator_grant: settings.operatorGrant,
      operator_grant_scopes: settings.operatorGrantScopes,
      revision: settings.revision,
    })
    .execute()
}
