import { Code, ConnectError } from '@connectrpc/connect'
import { PeerKind, PeerState, WaitingOn, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { EXIT } from './exit-codes.ts'
import { word } from './render/words.ts'
import { Problem } from './problem.ts'
import type { Session } from './session.ts'
import { span } from './render/time.ts'

/** What a look at the state said: go on, done, or it will never be. */
export type Verdict = 'done' | 'not yet' | Problem

const LOOK_EVERY_MS = 250

/**
 * Looks again and again until the verdict is in; a timeout says what was still missing.
 *
 * What was asked for is done already: a look that fails for now MUST NOT look like its failure, so it is one more that saw
 * nothing yet.
 */
export async function until<State>(
  { clock, signal }: Session,
  { ms, look, judge, missing }: Waiting<State>,
): Promise<State> {
  const giveUpAt = clock.now().getTime() + ms
  const isOver = () => clock.now().getTime() >= giveUpAt
  for (;;) {
    try {
      const state = await look()
      const verdict = judge(state)
      if (verdict === 'done') return state
      if (verdict !== 'not yet') throw verdict
      if (isOver()) throw timeout(ms, missing(state))
    } catch (error) {
      if (isOver() || !passes(error)) throw error
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

/** Whoever was asked says that it will be able to tell, is away for a moment, or is late. */
function passes(error: unknown): boolean {
  if (error instanceof Problem) return false
  if (refusalOf(error)?.retryAfterMs !== undefined) return true
  return error instanceof ConnectError && AWAY.has(error.code)
}
const AWAY: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded])

export type Waiting<State> = {
  readonly ms: number
  readonly look: () => Promise<State>
  readonly judge: (state: State) => Verdict
  readonly missing: (state: State) => { message: string; next: string }
}

function timeout(ms: number, { message, next }: { message: string; next: string }): Problem {
  return new Problem({ reason: 'TIMEOUT', message: `after ${span(ms)} ${message}`, next, exitCode: EXIT.timeout })
}

/** The options of --wait as commander gives them: absent, or milliseconds. */
export const isWaiting = (wait: number | true | undefined): wait is number => typeof wait === 'number'

/** Waits until the peer is up: active, or accepted when it is only a network. */
export async function untilUp(session: Session, peerId: string, ms: number): Promise<Peer> {
  const isUp = ({ state, kind }: Peer): boolean =>
    state === PeerState.ACTIVE || (kind === PeerKind.SDWAN_ONLY && state === PeerState.ACCEPTED)
  return untilPeer(session, peerId, { ms, isThere: isUp, goal: 'active' })
}

type Goal = { readonly ms: number; readonly isThere: (peer: Peer) => boolean; readonly goal: string }

/** Waits for a peer to get somewhere; ends early when it ended elsewhere, or when it is us who must act. */
export async function untilPeer(session: Session, peerId: string, { ms, isThere, goal }: Goal): Promise<Peer> {
  return until(session, {
    ms,
    look: () => look(session, peerId),
    judge: (peer) => {
      if (isThere(peer)) return 'done'
      if (peer.state === PeerState.REVOKED && goal === 'active') return ended('PEER_REVOKED', peer)
      if (peer.waitingOn === WaitingOn.US && peer.state === PeerState.PROPOSED) return ended('PEER_REFUSED', peer)
      return 'not yet'
    },
    missing: (peer) => ({
      message: `${peer.name || peer.id} is ${word(PeerState, peer.state)}, not ${goal}: ${peer.reason}`,
      next: peer.next || `fedctl peer show ${peer.id}`,
    }),
  })
}

function ended(reason: string, peer: Peer): Problem {
  return new Problem({
    reason,
    message: peer.reason,
    next: peer.next,
    metadata: { peer_id: peer.id, state: word(PeerState, peer.state) },
    exitCode: EXIT.otherSideRefused,
  })
}

async function look({ clients }: Session, peerId: string): Promise<Peer> {
  const { peer } = await clients.peers.getPeer({ peer: peerId })
  if (!peer) throw new Error('the registry answered without a peer')
  return peer
}
