import { AGREED, isOver, isPlatform, type Disclosure, type Notice, type PeerEvidence } from './evidence.ts'
import type { Breach, Look } from './commitments.ts'
import type { FindingKind, Found } from './finding.ts'
import { contradicts } from './versions.ts'

const TOLD_WITHIN_MS = 86_400_000

/** Where each commitment is not kept. Empty: nowhere. */
export const breachesOf = {
  disclosure: ({ us, peers }) => [
    ...breach('', missing(us.disclosure)),
    ...partners(peers).flatMap(({ peerId, disclosure }) => breach(peerId, missing(disclosure))),
  ],

  capability: (_, { found }) => among(found, ['peer_capability_drift']),

  revocation: ({ notices }, { now }) =>
    notices.flatMap((notice) =>
      notice.kind === 'revocation' && notice.direction === 'sent' && isLate(notice, now)
        ? breach(notice.peerId, 'it was not told for 24 hours that the peering ended')
        : [],
    ),

  audit: ({ ownAlarms, peers }) => [
    ...ownAlarms.flatMap(({ kind, detail }) => breach('', `${kind}: ${detail}`)),
    ...peers.flatMap(({ peerId, alarms }) =>
      alarms.slice(0, 1).flatMap(({ kind, whose, detail }) => breach(peerId, `${kind} of ${whose} log: ${detail}`)),
    ),
  ],

  undermining: (_, { found }) => among(found, ['prefix_overlap_with_install', 'prefix_overlap_with_other_peer']),

  residency: ({ peers }) =>
    partners(peers).flatMap(({ peerId, residency }) =>
      residency?.isOutside
        ? breach(peerId, `data has to stay in ${residency.tag}, and it says that it is in ${residency.declared}`)
        : [],
    ),

  compromise: ({ notices }, { now }) =>
    notices.filter(({ kind }) => kind === 'compromise').flatMap((one) => lateWarning(one, now)),

  versions: ({ peers }) =>
    partners(peers).flatMap(({ peerId, contractVersion, contractWindow, compatibility }) => {
      const { min, max } = contractWindow ?? { min: contractVersion, max: contractVersion }
      if (contractVersion !== 0 && (contractVersion < min || contractVersion > max))
        return breach(peerId, `version ${contractVersion} was agreed, and it speaks ${min} to ${max}`)
      return compatibility?.status === 'incompatible'
        ? breach(
            peerId,
            `it runs ${compatibility.remoteVersion || 'a version that it does not say'}, which does not work with ${compatibility.localVersion}`,
          )
        : []
    }),

  exit: ({ peers }) =>
    peers
      .filter(isOver)
      .flatMap(({ peerId, certificates }) =>
        certificates.some(({ certificate }) => certificate.startsWith('signed '))
          ? breach(peerId, 'a certificate that we signed for it is still good')
          : [],
      ),

  honesty: ({ peers }) =>
    partners(peers).flatMap(({ peerId, disclosure: { platformVersion, releaseTag } }) =>
      contradicts(platformVersion, releaseTag)
        ? breach(peerId, `it states ${platformVersion}, and its release is called ${releaseTag}`)
        : [],
    ),
} as const satisfies Readonly<Record<string, Look>>

/** With whom something was agreed, and is not over: networks alone disclose nothing. */
const partners = (peers: readonly PeerEvidence[]): readonly PeerEvidence[] =>
  peers.filter((peer) => isPlatform(peer) && AGREED.has(peer.state))

/** A breach by what a finding says. */
const among = (found: readonly Found[], kinds: readonly FindingKind[]): readonly Breach[] =>
  found.flatMap(({ kind, peerId, message }) => (kinds.includes(kind) ? breach(peerId, message) : []))

const breach = (peerId: string, detail: string): readonly Breach[] => (detail === '' ? [] : [{ peerId, detail }])

const WORDS: Readonly<Record<keyof Disclosure, string>> = {
  contact: 'contact',
  jurisdiction: 'jurisdiction',
  platformVersion: 'platform version',
  releaseTag: 'release tag',
}

function missing(disclosure: Disclosure): string {
  const keys = Object.keys(WORDS) as (keyof Disclosure)[] // the keys of the table above
  const absent = keys.filter((key) => disclosure[key] === '').map((key) => WORDS[key])
  return absent.length > 0 ? `not disclosed: ${absent.join(', ')}` : ''
}

/** Owed for longer than the contract allows. What was given up was tried all that time. */
const isLate = ({ owed, dueAt }: Notice, now: Date): boolean => owed > 0 && dueAt !== undefined && now > dueAt

/** Told in the end, and too late for some: that does not become right by it. */
const wasLate = ({ dueAt, lastDeliveredAt }: Notice): boolean =>
  dueAt !== undefined && lastDeliveredAt !== undefined && lastDeliveredAt > dueAt

/** Ours counts until every partner has heard it, theirs from its discovery to its arrival. */
function lateWarning(notice: Notice, now: Date): readonly Breach[] {
  const { direction, peerId, discoveredAt, receivedAt, owed } = notice
  if (direction === 'sent') {
    if (isLate(notice, now)) return breach('', `${owed} partners have not heard of a compromise within 24 hours`)
    return wasLate(notice) ? breach('', 'the last partner heard of a compromise more than 24 hours after it was discovered') : [] // prettier-ignore
  }
  const tookMs = discoveredAt && receivedAt ? receivedAt.getTime() - discoveredAt.getTime() : 0
  return tookMs > TOLD_WITHIN_MS
    ? breach(peerId, `it told us of a compromise ${Math.round(tookMs / 3_600_000)} hours after it was discovered`)
    : []
}
