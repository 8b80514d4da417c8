import type { Tx } from '@powernode/postgres'
import { DAY_MS } from '../invitation.ts'
import * as fedPeers from '../store/fed-peers.ts'
import type { Tables } from '../store/tables.ts'

const REMEMBERED_MS = 30 * DAY_MS
const BATCH = 500

/**
 * A peer that was revoked is told so for a month; then the doors forget it, and whoever shows its certificate is a
 * stranger. The row stays.
 */
export async function forgetRevoked(tx: Tx<Tables>, now: Date): Promise<number> {
  return fedPeers.forget(tx, new Date(now.getTime() - REMEMBERED_MS), BATCH)
}
