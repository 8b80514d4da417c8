import type { Freshness } from '../../services/liveness/src/freshness.ts'
import type { Peering } from './peering.ts'
import type { SimPlatform } from './platform.ts'

/** What a platform remembers of its own epochs and of those of its peers, at one moment, and what was true of that then. */
export type Backup = { readonly epoch: bigint; readonly memories: ReadonlyMap<string, Memory> }

type Memory = { readonly row: Remembered; readonly newestMs: number; readonly provedMs: number } & Pick<
  Peering,
  'lastNonce' | 'answeredMs'
>

/** When who was heard is left as it is: of that the judge holds what is true, not what was forgotten. */
const REMEMBERED = ['epoch', 'rememberedEpoch', 'incarnation', 'pastIncarnations', 'sequence', 'lastNonce', 'shownBookmark', 'givenBookmark', 'heldBookmark'] as const // prettier-ignore
type Remembered = Pick<Freshness, (typeof REMEMBERED)[number]>

export function backUp({ epoch, peerings }: SimPlatform): Backup {
  const memories = [...peerings].map(([name, { row, lastNonce, answeredMs, truth }]) => {
    const { newestMs, provedMs } = truth
    const remembered = Object.fromEntries(REMEMBERED.map((key) => [key, row[key]])) as Remembered // the keys of the list
    return [name, { row: remembered, lastNonce, answeredMs, newestMs, provedMs }] as const
  })
  return { epoch, memories: new Map(memories) }
}

/** Restores it, and has it start so many times before anybody hears of it. MUST be told to a platform that does not run. */
export function restore(platform: SimPlatform, { epoch, memories }: Backup, starts: number): void {
  platform.epoch = epoch + BigInt(starts)
  platform.restores += 1
  for (const [name, { row, lastNonce, answeredMs, ...truth }] of memories) {
    const peering = platform.peerings.get(name)!
    Object.assign(peering, { row: { ...peering.row, ...row }, lastNonce, answeredMs })
    Object.assign(peering.truth, truth)
  }
}
