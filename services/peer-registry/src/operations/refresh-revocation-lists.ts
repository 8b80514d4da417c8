import type { Tx } from '@powernode/postgres'
import type { Us } from '../platform.ts'
import * as authorities from '../store/authorities.ts'
import type { Tables } from '../store/tables.ts'
import { CRL_REFRESH_AFTER_MS, publishBundle, refreshCrls } from './publish-bundle.ts'

/** Revocation lists are signed anew long before they run out, because an expired list refuses everybody. */
export async function refreshRevocationLists(tx: Tx<Tables>, now: Date, us: Us): Promise<number> {
  const old = (await authorities.lock(tx)).filter(
    ({ status, crlsUpdatedAt }) =>
      status !== 'retired' && now.getTime() - crlsUpdatedAt.getTime() > CRL_REFRESH_AFTER_MS,
  )
  for (const authority of old) await refreshCrls(tx, now, us, authority)
  if (old.length > 0) await publishBundle(tx, now, us)
  return old.length
}
