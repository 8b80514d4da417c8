import type { Tx } from '@powernode/postgres'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'

/**
 * Our networks lie in this prefix: peers hear of it with our next beat, as part of our description, and route nothing to us that
 * lies elsewhere. Said again, it changes nothing.
 */
export async function advertisePrefix(tx: Tx<Tables>, prefix: string): Promise<void> {
  const { prefixAdvertisement } = await platform.lock(tx)
  if (prefixAdvertisement !== prefix) await platform.savePrefix(tx, prefix)
}
