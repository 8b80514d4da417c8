import { PeerState, WaitingOn, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Canvas, Outcome } from '../output.ts'
import { plain } from '../plain.ts'
import { silenceAgreed } from './timers.ts'
import { stateColour } from './paint.ts'
import { sheet } from './table.ts'
import { word } from './words.ts'

export const DRY_RUN = 'Dry run: nothing was changed. It would go like this:'

/** The outcome of a write to a peer: where it stands now; exit 3 when something is left open. */
export function changedPeer(peer: Peer | undefined, dryRun: boolean | undefined, more: More = {}): Outcome {
  if (!peer) throw new Error('the registry answered without a peer')
  return {
    data: { dry_run: dryRun === true, peer: plain(PeerSchema, peer), ...more.data },
    text: (canvas) =>
      [dryRun ? canvas.to.warn(DRY_RUN) : '', peerLines(peer, dryRun === true, canvas), more.text?.(canvas) ?? '']
        .filter((part) => part !== '')
        .join('\n\n'),
    exit: peer.openItems.length > 0 && !dryRun ? EXIT.doneWithOpenItems : EXIT.done,
  }
}

type More = { readonly data?: Record<string, unknown>; readonly text?: (canvas: Canvas) => string }

function peerLines(peer: Peer, dryRun: boolean, { to, paste }: Canvas): string {
  const state = word(PeerState, peer.state)
  return sheet(
    [
      ['peer', peer.name || peer.id, to.bold],
      ['id', peer.id],
      ['state', state, stateColour(to, state)],
      ['reason', peer.reason],
      ['waiting on', word(WaitingOn, peer.waitingOn)],
      ['next', paste(peer.next)],
      ['silence', dryRun ? silenceAgreed(peer) : ''],
      ['open items', peer.openItems.map((item) => `- ${item}`).join('\n'), to.warn],
    ],
    to,
  )
}
