import { move, type Peer } from './peer.ts'
import { resolve, type VersionRule } from './version.ts'

/** What decides how we stand with versions: which we are of, and every rule. */
export type Rulebook = { readonly local: string; readonly rules: readonly VersionRule[] }

/** How a peer stands by its version, as its row holds it. */
export type Stance = Pick<Peer, 'versionStatus' | 'refusedKinds'>

type Versioned = Pick<Peer, 'kind' | 'enrolledAt'> & { readonly platformVersion: string }

/**
 * How a peer stands by these rules. Before it was enrolled, a peer that has not said its version stands nowhere yet: what
 * keeps it accepted is that it has not. A network without a platform has no version. And as long as nobody has said of which
 * version we are ourselves, nothing is compared: a setting that was forgotten MUST NOT cut everybody off.
 */
export function stanceOf({ local, rules }: Rulebook, { kind, enrolledAt, platformVersion }: Versioned): Stance {
  if (local === '' || kind !== 'platform' || (platformVersion.trim() === '' && !enrolledAt)) return NO_STANCE
  const { status, refusedKinds } = resolve(rules, local, platformVersion)
  return { versionStatus: status, refusedKinds }
}

const NO_STANCE: Stance = { versionStatus: '', refusedKinds: [] }

export const sameStance = (one: Stance, other: Stance): boolean =>
  one.versionStatus === other.versionStatus && one.refusedKinds.join() === other.refusedKinds.join()

/** The peer as it stands by these rules: one that does not work with us is not active. */
export function standAnew(book: Rulebook, peer: Peer, at: Date): Peer {
  const { platformVersion } = peer.disclosure
  const after = { ...peer, ...stanceOf(book, { ...peer, platformVersion }) }
  if (after.versionStatus !== 'incompatible') return keptBack(peer) ? { ...after, reason: WORKS_AGAIN } : after
  if (peer.state !== 'active') return after
  return move(after, 'diverge', whyNotActive(book, peer), at)
}

/** Its version is all that is known to have kept it from being active. */
const keptBack = ({ state, versionStatus }: Peer): boolean =>
  versionStatus === 'incompatible' && (state === 'enrolled' || state === 'degraded')
const WORKS_AGAIN = 'its version works with ours again; active with the next heartbeat'

/** Why a peer that is incompatible is not active, in the words an operator reads. */
export function whyNotActive({ local, rules }: Rulebook, { disclosure: { platformVersion } }: Peer): string {
  const { source, notes } = resolve(rules, local, platformVersion)
  const why = notes || (source === 'operator' ? 'a rule of our operators' : 'a rule of this release')
  return `by their versions (ours ${local}, theirs ${platformVersion || 'not said'}) only heartbeats and statements pass: ${why}`
}
