import { attempt, type Tx } from '@powernode/postgres'
import type { Tables } from '../store/tables.ts'

/** Somebody whom nobody can look at, and why. */
export type LeftOut = { readonly peerId: string; readonly error: unknown }

/** When more than these cannot be looked at, it is no fault of theirs. */
const MOST_LEFT_OUT = 10

/**
 * Looks at all of them at once; when that fails, at both halves, and so on until only those are left out of whom nothing can be
 * read or written: one row that no code foresaw must not keep everybody else from being looked at.
 */
export async function lookAtEach<Result>(
  tx: Tx<Tables>,
  peerIds: readonly string[],
  look: (peerIds: readonly string[]) => Promise<Result>,
): Promise<{ readonly looks: readonly Result[]; readonly leftOut: readonly LeftOut[] }> {
  const [looks, leftOut]: [Result[], LeftOut[]] = [[], []]
  const waiting = [peerIds]
  for (let some = waiting.pop(); some; some = waiting.pop()) {
    const ids = some
    const done = await attempt(tx, () => look(ids))
    if ('value' in done) {
      looks.push(done.value)
      continue
    }
    const [peerId] = ids
    if (ids.length > 1) waiting.push(ids.slice(ids.length / 2), ids.slice(0, ids.length / 2))
    else if (peerId === undefined || leftOut.push({ peerId, error: done.error }) > MOST_LEFT_OUT) throw done.error
  }
  return { looks, leftOut }
}
