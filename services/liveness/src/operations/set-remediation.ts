import { append } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { remediationModeSet } from '../events/remediation.ts'
import type { Mode, Settings } from '../remediation/types.ts'
import * as loop from '../store/loop.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'
import type { Status } from '../wire-remediation.ts'
import { showStatus } from './show-status.ts'

export type ModeSaid = {
  readonly mode: Mode
  readonly reason: string
  readonly by: string
  readonly platformId: string
}

/** An operator says what the loop may do: act, only observe, or nothing. What was held is looked at again. Heard by audit-ledger. */
export async function setMode(tx: Tx<Tables>, now: Date, { mode, reason, by, platformId }: ModeSaid): Promise<Status> {
  const before = await loop.lock(tx)
  if (before.mode !== mode || before.modeReason !== reason) {
    await loop.saveMode(tx, { mode, modeReason: reason, modeBy: by, modeSince: now })
    if (before.mode !== mode) await signals.lookNow(tx, now)
    const news = { platformId, status: await showStatus(tx, now), actor: by }
    await append(tx, remediationModeSet(news, now))
  }
  return showStatus(tx, now)
}

/** An operator says by which figures. They hold from the next tick on. Heard by audit-ledger. */
export async function setSettings(
  tx: Tx<Tables>,
  now: Date,
  { change, by, platformId }: { change: (before: Settings) => Settings; by: string; platformId: string },
): Promise<Status> {
  const before = await loop.lock(tx)
  await loop.saveSettings(tx, change(before.settings))
  const status = await showStatus(tx, now)
  await append(tx, remediationModeSet({ platformId, status, actor: by }, now))
  return status
}
