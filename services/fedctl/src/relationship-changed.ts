import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Outcome } from './output.ts'
import { changedPeer } from './render/changed.ts'
import { harmless } from './render/paint.ts'

type Changed = {
  readonly peer?: Peer | undefined
  readonly effects: readonly string[]
  readonly openItems?: readonly string[]
}

/** What two platforms are to each other has changed, or would: and what stops working by it. */
export function relationshipChanged({ peer, effects, openItems = [] }: Changed, dryRun: boolean | undefined): Outcome {
  const items = openItems.filter((item) => !peer?.openItems.includes(item))
  const shown = peer && { ...peer, openItems: [...peer.openItems, ...items] }
  return changedPeer(shown, dryRun, {
    data: { effects },
    text: () => effects.map((effect) => `  - ${harmless(effect)}`).join('\n'),
  })
}
