import { isConnectionLost } from '@powernode/postgres'
import type { Sought } from '../operations/read/find-entry.ts'
import { proveEntry, provePlace, type Proven } from '../operations/read/prove-entry.ts'
import { TileCache } from '../tile-cache.ts'
import { actIn, type DoorDeps } from './door.ts'

/** Of a million entries: all tiles but those of a part of the leaves. */
const TILE_BYTES = 16 * 1_048_576

/**
 * Proves entries. Of a place that is known without a transaction around two statements, or one, where each way to the database
 * counts; whatever else is asked, or goes wrong, in one.
 */
export function prover({ db, clock }: DoorDeps): (place: Sought) => Promise<Proven> {
  const act = actIn({ db, clock })
  const tiles = new TileCache(TILE_BYTES)
  const atOnce = async (place: Sought): Promise<Proven | undefined> => {
    if (!('sequence' in place)) return undefined
    try {
      return await provePlace(db, clock.now(), { place, tiles })
    } catch (error) {
      if (isConnectionLost(error)) return undefined
      throw error
    }
  }
  return async (place) => (await atOnce(place)) ?? act((tx, now) => proveEntry(tx, now, { place }))
}
