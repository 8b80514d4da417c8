import { differenceOf, Draft } from '../intent/intent.ts'
import type { Network, NetworkCompiler } from '../network.ts'
import * as changes from '../store/changes.ts'
import * as state from '../store/intent-state.ts'
import * as intents from '../store/intent.ts'
import type { SdwanTx } from '../store/tables.ts'
import { readNetwork } from './read-network.ts'

/** How long a routing table that was removed keeps its number, and how long a request is known again. */
export const VRF_KEPT_MS = 24 * 3_600_000
const CHANGE_KEPT_MS = 30 * 24 * 3_600_000

/** Forgets routing tables that were removed a day ago: their numbers are free from then on. Returns how many. */
export async function reap(
  tx: SdwanTx,
  now: Date,
  { compiler }: { readonly compiler: NetworkCompiler },
): Promise<{ readonly reaped: number; readonly network: Network }> {
  // prettier-ignore
  await changes.forget(tx, new Date(now.getTime() - CHANGE_KEPT_MS))
  await state.takeTurn(tx)
  const before = await readNetwork(tx, now, { compiler })
  const draft = new Draft(before.intent)
  const gone = [...before.intent.vrf_assignment.values()].filter(({ removedAt }) => removedAt !== null && now.getTime() - removedAt.getTime() >= VRF_KEPT_MS) // prettier-ignore
  if (gone.length === 0) return { reaped: 0, network: before }
  for (const { id } of gone) draft.delete('vrf_assignment', id)
  await intents.write(tx, differenceOf(before.intent, draft.now))
  const version = await state.countOn(tx)
  return { reaped: gone.length, network: compiler.compile(version, draft.now, before) }
}
