import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { Tx } from '@powernode/postgres'
import type { Us } from '../platform.ts'
import { bundleIn } from '../statements.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import { publishBundle } from './publish-bundle.ts'

/** No backup is so many bundles old. */
const LONGEST_LEAP = 10_000
/** A bundle goes to every peer: whoever lies about what it holds can have us make one an hour, and no more. */
const SETTLED_AFTER_MS = 3_600_000

/**
 * A peer holds a later bundle of ours than we have made: we were restored from a backup, and count on from there. Without
 * this no peer would take a new one from us, and the CA could not be replaced.
 */
export async function passBundle(tx: Tx<Tables>, now: Date, { us, held }: { us: Us; held: number }): Promise<void> {
  const { bundle, bundleSequence } = await platform.lock(tx)
  const { issuedAt } = bundleIn(bundle)
  const isSettled = !issuedAt || now.getTime() - timestampMs(issuedAt) >= SETTLED_AFTER_MS
  const leap = held - bundleSequence
  if (isSettled && Number.isSafeInteger(held) && leap >= 0 && leap <= LONGEST_LEAP)
    await publishBundle(tx, now, us, held)
}
