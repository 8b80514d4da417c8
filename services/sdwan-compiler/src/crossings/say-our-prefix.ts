import { inTransaction } from '@powernode/postgres'
import type { SdwanDeps } from '../sdwan-deps.ts'
import * as space from '../store/space.ts'

const AGAIN_MS = 5 * 60_000
const AFTER_FAILURE_MS = 1_000

/**
 * Tells peer-registry where our networks lie, so that our description tells peers: they route nothing to us that lies elsewhere.
 * Said again every now and then, since a registry that was put back from a backup may have forgotten.
 */
export async function sayOurPrefix(
  { db, registry, config, clock, logger }: Pick<SdwanDeps, 'db' | 'registry' | 'config' | 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let waitMs = AGAIN_MS
    try {
      const ours = await inTransaction(db, (tx) => space.find(tx, config.trustDomain))
      const prefixAdvertisement = ours?.account ?? ''
      const said = await registry.advertisePrefix({ prefixAdvertisement }, { signal, timeoutMs: 5_000 })
      if (said.prefixAdvertisement !== prefixAdvertisement)
        logger.warn(
          { task: 'our_prefix', address: said.prefixAdvertisement },
          'another prefix is configured: PREFIX_ADVERTISEMENT',
        )
    } catch (error) {
      waitMs = AFTER_FAILURE_MS
      if (!signal.aborted)
        logger.warn({ task: 'our_prefix', error }, 'peer-registry could not be told of our prefix yet')
    }
    await clock.sleep(waitMs, signal)
  }
}
