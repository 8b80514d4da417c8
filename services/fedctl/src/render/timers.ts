import { durationMs } from '@bufbuild/protobuf/wkt'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { span } from './time.ts'

/** How long a peer may be silent before it counts as gone, as far as is known before the other side has said what it wants. */
export function silenceAgreed({ state, timers }: Peer): string {
  if (!timers?.staleAfter || !timers.staleAfterMost || state !== PeerState.PROPOSED) return ''
  const [ours, most] = [span(durationMs(timers.staleAfter)), span(durationMs(timers.staleAfterMost))]
  return `we propose that it counts as gone after ${ours}; if it wants more, ${most} at most is agreed to`
}
