import type { WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'

/** A reader of the feed that keeps what it was told, and waits for what a test expects. */
export function readFeed(updates: AsyncIterable<WatchPeersResponse>) {
  const told: WatchPeersResponse['update'][] = []
  let wake = () => {}
  const done = (async () => {
    for await (const { update } of updates) {
      told.push(update)
      wake()
    }
  })()
  /** What was told from `from` on, up to what `isIt` recognises; waits for it. */
  const until = async (isIt: (update: WatchPeersResponse['update']) => boolean, from = 0) => {
    for (;;) {
      const at = told.findIndex((update, index) => index >= from && isIt(update))
      if (at >= 0) return told.slice(from, at + 1)
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return { told, until, done }
}

export const isTick = ({ case: what }: WatchPeersResponse['update']) => what === 'tick'
export const tellsState = (id: string, state: keyof typeof PeerState) => (update: WatchPeersResponse['update']) =>
  update.case === 'peer' && update.value.peerId === id && update.value.state === PeerState[state]
