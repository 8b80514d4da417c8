import type { Tx } from '@powernode/postgres'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import * as toldVersions from '../store/told-versions.ts'
import { latestOf } from '../version.ts'

/** Who does not say for so long that it runs does not run. */
const SILENT_MS = 60_000

type Told = { readonly processId: string; readonly version: string }

/**
 * What one process was told of our version. We are of the latest that any running process was told: while an upgrade rolls, an
 * older one that starts again does not take it back, and everybody's standing with it. Taken back is it when the last process
 * of the later one has ended. When none was told any, we stay what we were.
 *
 * Returns which it is now. How peers stand with it is looked at anew by a sweep.
 */
export async function nameVersion(tx: Tx<Tables>, now: Date, { processId, version }: Told): Promise<string> {
  const { platformVersion } = await platform.lock(tx)
  await toldVersions.forgetBefore(tx, new Date(now.getTime() - SILENT_MS))
  await toldVersions.put(tx, { processId, version: version.trim(), seenAt: now })
  const latest = latestOf(await toldVersions.list(tx)) ?? platformVersion
  if (latest !== platformVersion) await platform.saveVersion(tx, latest)
  return latest
}

/** The process ends: what it was told counts no more for those that go on. */
export async function withdrawVersion(
  tx: Tx<Tables>,
  _now: Date,
  { processId }: Pick<Told, 'processId'>,
): Promise<void> {
  await toldVersions.forget(tx, processId)
}
