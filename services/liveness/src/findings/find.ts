import { isOver, isPlatform, type Evidence, type PeerEvidence } from './evidence.ts'
import type { FindingKind, Found, Severity } from './finding.ts'
import { siteOfPrefix } from './prefixes.ts'
import { RULES } from './rules.ts'
import type { Rule, Seen } from './seen.ts'

/** What a look comes to. */
export type Look = {
  readonly found: readonly Found[]
  /** Of which kinds nothing can be said of which peers, though all was read: see `lookOf`. */
  readonly unsure: ReadonlySet<string>
}

/** Everything that is found. Pure and total: the same evidence at the same moment says the same. */
export function find({ peers, ...rest }: Evidence, now: Date): Look {
  const siteOf = sitesOf(peers)
  const ground = { ...rest, now, siteOf, ourSite: siteOfPrefix(rest.us.prefix), firstOfSite: firstOfEachSite(siteOf) }
  const kinds = Object.entries(RULES) as [FindingKind, Rule][] // the keys of the table above
  const [found, unsure]: [Found[], Set<string>] = [[], new Set()]
  for (const peer of peers) {
    if (isOver(peer)) continue
    for (const [kind, rule] of kinds) {
      if (rule.platformsOnly && !isPlatform(peer)) continue
      const seen = rule.look(peer, ground)
      found.push(...seen.map((one) => toFound(kind, rule.severity, peer, one)))
      if (seen.length === 0 && rule.unsure?.(peer, ground)) unsure.add(lookOf({ kind, peerId: peer.peerId }))
    }
  }
  return { found, unsure }
}

/** What one rule says of one peer. */
export const lookOf = ({ kind, peerId }: Pick<Found, 'kind' | 'peerId'>): string => `${kind} ${peerId}`

// oxlint-disable-next-line max-params -- of what kind, how grave, of whom, and what was seen
function toFound(kind: FindingKind, severity: Severity, peer: PeerEvidence, seen: Seen): Found {
  const { about = '', message, remedy, waitingOn, payload } = seen
  return {
    kind,
    severity,
    peerId: peer.peerId,
    about,
    message,
    remedy,
    waitingOn,
    payload: { ...common(peer), ...payload },
  }
}

/** What the source documents put into the payload of every finding. What is not known is left out. */
function common(peer: PeerEvidence): Readonly<Record<string, string>> {
  const words = {
    account_id: peer.accountId,
    remote_instance_url: peer.url,
    remote_prefix_advertisement: peer.prefix,
    status: peer.state,
    signed_at: peer.acceptedAt?.toISOString() ?? '',
  }
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value !== ''))
}

/** The /48 of every peer that advertises one, and is not over. */
const sitesOf = (peers: readonly PeerEvidence[]): ReadonlyMap<PeerEvidence, string> =>
  new Map(
    peers.flatMap((peer) => {
      const site = isOver(peer) ? undefined : siteOfPrefix(peer.prefix)
      return site ? [[peer, site] as const] : []
    }),
  )

/** In the order in which the peerings began: who came first keeps its prefix. */
function firstOfEachSite(sites: ReadonlyMap<PeerEvidence, string>): ReadonlyMap<string, PeerEvidence> {
  const first = new Map<string, PeerEvidence>()
  for (const [peer, site] of sites) {
    const known = first.get(site)
    if (!known || isBefore(peer, known)) first.set(site, peer)
  }
  return first
}

const isBefore = (a: PeerEvidence, b: PeerEvidence): boolean =>
  a.createdAt.getTime() - b.createdAt.getTime() < 0 ||
  (a.createdAt.getTime() === b.createdAt.getTime() && a.peerId < b.peerId)
