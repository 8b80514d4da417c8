import { Refusal } from '@powernode/rpc'
import { DAY_MS, SCOPES, type Scope } from './grant.ts'

/** What the platform gives by itself, and how far an operator may go. */
export type Settings = {
  readonly defaultTtlMs: number
  readonly managedChildTtlMs: number
  readonly longestTtlMs: number
  /** Grants with an empty axis are neither issued nor honoured. */
  readonly strictAxes: boolean
  readonly remindBeforeMs: number
  /** Whether we, as a managed child, give our parent's operators their grant by ourselves, and with what at most. */
  readonly operatorGrant: boolean
  readonly operatorGrantScopes: readonly Scope[]
  readonly revision: number
}

const MINUTE_MS = 60_000
/** More is a mistake of units. */
const CENTURY_MS = 36_525 * DAY_MS
const LONGEST_REMINDER_MS = 366 * DAY_MS

/** The settings that replace `before`, provided somebody read that and they make sense together. */
export function replaceSettings(before: Settings, wanted: Settings): Settings {
  if (wanted.revision !== before.revision)
    throw new Refusal('SETTINGS_CHANGED_MEANWHILE', 'the settings are not what you read any more', {
      metadata: { revision: `${before.revision}` },
      next: 'fedctl grant settings, then again',
    })
  within('longest_ttl', wanted.longestTtlMs, { least: MINUTE_MS, most: CENTURY_MS })
  within('default_ttl', wanted.defaultTtlMs, { least: MINUTE_MS, most: wanted.longestTtlMs })
  within('managed_child_ttl', wanted.managedChildTtlMs, { least: MINUTE_MS, most: wanted.longestTtlMs })
  within('remind_before', wanted.remindBeforeMs, { least: 0, most: LONGEST_REMINDER_MS })
  const operatorGrantScopes = SCOPES.filter((scope) => wanted.operatorGrantScopes.includes(scope))
  if (operatorGrantScopes.length === 0)
    throw new Refusal('REQUEST_INVALID', 'operator_grant_scopes is empty', {
      next: 'name a scope, or turn operator_grant off',
    })
  return { ...wanted, operatorGrantScopes, revision: before.revision + 1 }
}

function within(name: string, ms: number, { least, most }: { least: number; most: number }): void {
  if (ms >= least && ms <= most) return
  throw new Refusal('GRANT_TTL_OUT_OF_RANGE', `${name} is out of range`, {
    metadata: { field: name, min_seconds: `${least / 1000}`, max_seconds: `${most / 1000}` },
  })
}
