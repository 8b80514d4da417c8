import type { Tx } from '@powernode/postgres'
import * as listening from '../store/listening.ts'
import * as loop from '../store/loop.ts'
import * as remediations from '../store/remediations.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'
import type { Status } from '../wire-remediation.ts'

const HOUR_MS = 3_600_000

/** How the loop stands. */
export async function showStatus(tx: Tx<Tables>, now: Date): Promise<Status> {
  const degradedLately = await remediations.countDegraded(tx, new Date(now.getTime() - HOUR_MS))
  const [openSignals, since] = [await signals.countOpen(tx), await listening.find(tx)]
  return { ...(await loop.find(tx)), degradedLately, openSignals, listening: since }
}
