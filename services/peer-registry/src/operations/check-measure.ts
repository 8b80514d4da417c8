import { Refusal } from '@powernode/rpc'
import { DAY_MS } from '../invitation.ts'

const MOST_LIVING = 50
const PATIENCE_MS = DAY_MS

/**
 * Every living certificate of a peer or a node goes on the revocation list when it is revoked, and the list has to fit into a
 * trust bundle: one that could ask without end could make its own revocation impossible.
 */
// oxlint-disable-next-line max-params -- how many, when, and whose
export function checkMeasure(
  { count, last }: { readonly count: number; readonly last: Date | null },
  now: Date,
  whose: string,
): void {
  if (count < MOST_LIVING || !last || now.getTime() - last.getTime() >= PATIENCE_MS) return
  throw new Refusal('RATE_LIMITED', `${whose} holds ${count} living certificates of ours; one more a day is signed`, {
    retryAfterMs: PATIENCE_MS,
  })
}
