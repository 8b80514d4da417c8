import { resolvePeer } from './resolve-peer.ts'
import type { Session } from './session.ts'

/** Which log is meant: a peer's, or the platform's own. */
export async function logIdOf(session: Session, named: string): Promise<string> {
  return named === 'platform' ? named : (await resolvePeer(session, named)).id
}
