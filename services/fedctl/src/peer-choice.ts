import { usage } from './problem.ts'
import { resolvePeer } from './resolve-peer.ts'
import type { Session } from './session.ts'

/** The id of the peer named by --peer; nothing when none was named. */
export async function peerIdOf(session: Session, named: string | undefined): Promise<string> {
  return named === undefined || named === '' ? '' : (await resolvePeer(session, named)).id
}

/** For what is about one peer and cannot do without it. */
export function needed(named: string | undefined, how: string): string {
  if (named) return named
  throw usage('for which peer?', how)
}
