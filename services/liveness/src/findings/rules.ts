import { certificateOver, endings, noneLeft, trustOver, type Ending } from './certificates.ts'
import { WORKING, type PeerEvidence, type Source } from './evidence.ts'
import type { FindingKind, Severity } from './finding.ts'
import { lateHandshake, mayBeSilent, silence } from './handshakes.ts'
import type { Rule } from './seen.ts'
import { isBehind } from './versions.ts'

/** Every kind and when it is found. A kind without a row does not compile. */
export const RULES: Readonly<Record<FindingKind, Rule>> = {
  prefix_overlap_with_install: {
    severity: 'critical',
    needs: [],
    look(peer, { us, ourSite, siteOf }) {
      const site = siteOf.get(peer)
      if (site === undefined || site !== ourSite) return []
      const message = `it advertises ${peer.prefix}, which lies in our own ${site}: nothing can be routed to it`
      return [{ message, remedy: RENUMBER, waitingOn: 'them', payload: { install_prefix: us.prefix } }]
    },
  },
  prefix_overlap_with_other_peer: {
    severity: 'high',
    needs: [],
    look(peer, { firstOfSite, siteOf }) {
      const site = siteOf.get(peer)
      const first = site && firstOfSite.get(site)
      if (!first || first.peerId === peer.peerId) return []
      const message = `it advertises ${peer.prefix}; ${nameOf(first)} advertised ${first.prefix}, of the same ${site}, before it`
      const payload = { other_peer_id: first.peerId, other_prefix: first.prefix }
      return [{ about: first.peerId, message, remedy: RENUMBER, waitingOn: 'them', payload }]
    },
  },
  stale_accepted_without_handshake: { severity: 'medium', needs: [], look: lateHandshake },
  expired_trust: {
    severity: 'high',
    needs: ['certificateEnds'],
    look: (peer, { now }) =>
      endings(peer.certificates, now).flatMap((ending) =>
        ending.what === 'root' && ending.state === 'ended' ? [trustOver(peer, ending)] : [],
      ),
  },
  peer_heartbeat_stale: {
    severity: 'medium',
    needs: [],
    platformsOnly: true,
    look: silence,
    unsure: mayBeSilent,
  },
  peer_capability_drift: {
    severity: 'medium',
    needs: [],
    platformsOnly: true,
    look(peer) {
      if (!isLive(peer) || peer.extensionSlugs.length === 0 || peer.capabilities.length > 0) return []
      const slugs = peer.extensionSlugs.join(', ')
      const message = `it names extensions (${slugs}) and says of none what it can do`
      const remedy = `ask its operator to advertise its capabilities; what it says now: fedctl peer show ${peer.peerId}`
      return [{ message, remedy, waitingOn: 'them', payload: { extension_slugs: slugs } }]
    },
  },
  peer_residency_missing: {
    severity: 'low',
    needs: ['residencies'],
    platformsOnly: true,
    look(peer) {
      if (!WORKING.has(peer.state) || peer.declaredResidency !== '' || peer.residency?.tag) return []
      const message = 'neither it nor we have said where its data is'
      return [{ message, remedy: `fedctl residency set ${peer.peerId} <region>`, waitingOn: 'us' }]
    },
  },
  peer_schema_version_missing: {
    severity: 'low',
    needs: [],
    platformsOnly: true,
    look(peer) {
      if (!WORKING.has(peer.state) || peer.disclosure.platformVersion !== '') return []
      const remedy = `ask its operator to disclose the platform version; what it says now: fedctl peer show ${peer.peerId}`
      return [{ message: 'it has not said which platform version it runs', remedy, waitingOn: 'them' }]
    },
  },
  peer_schema_version_drift: {
    severity: 'medium',
    needs: ['versions'],
    platformsOnly: true,
    look(peer) {
      const stand = peer.compatibility
      if (!WORKING.has(peer.state) || peer.disclosure.platformVersion === '') return []
      if (!stand || stand.status === 'compatible') return []
      const { localVersion, remoteVersion, status, source, notes } = stand
      const message = `it runs ${remoteVersion}, we run ${localVersion}: ${status} by ${source} rule${notes && ` (${notes})`}`
      const payload = { local_version: localVersion, remote_version: remoteVersion, compatibility: status, source }
      const remedy = `upgrade whoever is behind (fedctl version simulate ${remoteVersion}), or say that the two work together: fedctl version set`
      return [{ message, remedy, waitingOn: isBehind(localVersion, remoteVersion) ? 'us' : 'them', payload }]
    },
  },
  peer_cert_expiring: {
    severity: 'medium',
    needs: ['certificates', 'certificateEnds'],
    platformsOnly: true,
    look: (peer, { now }) => ofState(peer, now, 'ending').map((ending) => certificateOver(peer, ending)),
  },
  peer_cert_expired: {
    severity: 'high',
    needs: ['certificates', 'certificateEnds'],
    platformsOnly: true,
    look: (peer, { now }) => [
      ...ofState(peer, now, 'ended')
        .filter(({ what }) => what !== 'root') // that is expired_trust
        .map((ending) => certificateOver(peer, ending)),
      ...noneLeft(peer),
    ],
  },
  peer_patience_long: {
    severity: 'low',
    needs: [],
    platformsOnly: true,
    look(peer, { us }) {
      if (!isLive(peer) || us.staleAfterMs === 0 || peer.staleAfterMs <= LONG * us.staleAfterMs) return []
      const [theirs, ours] = [minutes(peer.staleAfterMs), minutes(us.staleAfterMs)]
      const message = `it may be silent for ${theirs} before it counts as gone, which was agreed when it was accepted; we propose ${ours}`
      const remedy = `peer anew to agree on less (fedctl peer revoke ${peer.peerId}, fedctl peer re-peer ${peer.peerId}), or acknowledge it; STALE_AFTER_MOST says what we agree to`
      return [{ message, remedy, waitingOn: 'us', payload: { stale_after_seconds: String(peer.staleAfterMs / 1_000) } }]
    },
  },
}

/** A peer that may be silent for more than so many times what we propose is known to be gone that much later. */
const LONG = 3
const minutes = (ms: number): string =>
  ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`

/** Of each kind, what has to be read before anything is said of it: the peers always. */
export const NEEDS: Readonly<Record<FindingKind, readonly Source[]>> = Object.fromEntries(
  Object.entries(RULES).map(([kind, { needs }]) => [kind, ['peers', ...needs]]),
) as unknown as Record<FindingKind, readonly Source[]> // the keys of the table above

/** How grave each kind is. */
export const SEVERITY_OF = Object.fromEntries(
  Object.entries(RULES).map(([kind, { severity }]) => [kind, severity]),
) as unknown as Record<FindingKind, Severity> // the keys of the table above

const ofState = (peer: PeerEvidence, now: Date, state: Ending['state']): readonly Ending[] =>
  endings(peer.certificates, now).filter((ending) => ending.state === state)

const isLive = ({ state }: PeerEvidence): boolean => WORKING.has(state) || state === 'enrolled' || state === 'accepted'

export const nameOf = ({ name, peerId }: PeerEvidence): string => name || peerId

const RENUMBER =
  'whoever came later takes another prefix; until then none of its prefixes is routed (fedctl net access preview)'
