import type { Tx } from '@powernode/postgres'
import { mintIncarnation } from '../own-nonces.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'

/**
 * We start to beat: our epoch grows by one, with an incarnation nobody has seen.
 *
 * Committed before the first beat carries it, so no two starts ever share a number unless a backup was restored, which is
 * what peers notice by it.
 */
export async function beginEpoch(tx: Tx<Tables>, now: Date): Promise<platform.OwnEpoch> {
  return platform.begin(tx, now, mintIncarnation())
}
