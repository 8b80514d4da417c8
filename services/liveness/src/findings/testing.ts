import { randomUUID } from 'node:crypto'
import { unheard } from '../freshness.ts'
import type { Evidence, PeerEvidence } from './evidence.ts'

export const NOW = new Date('2026-05-01T12:00:00Z')
export const ago = (ms: number): Date => new Date(NOW.getTime() - ms)
export const ahead = (ms: number): Date => new Date(NOW.getTime() + ms)
export const MINUTE = 60_000
export const DAY = 86_400_000

const DISCLOSED = {
  contact: 'ops@b.example',
  jurisdiction: 'CH',
  platformVersion: '1.4.2',
  releaseTag: 'v1.4.2',
}

/** Each has a prefix of its own. */
let peers = 0

/** A peering with which nothing is wrong. */
export function aPeer(said: Partial<PeerEvidence> = {}): PeerEvidence {
  const peerId = said.peerId ?? randomUUID()
  return {
    peerId,
    name: 'b',
    kind: 'platform',
    state: 'active',
    url: 'https://b.example',
    accountId: '',
    waitingOn: 'nobody',
    next: '',
    signedByUs: false,
    createdAt: ago(10 * DAY),
    acceptedAt: ago(9 * DAY),
    enrolledAt: ago(9 * DAY),
    revokedAt: undefined,
    prefix: `fdbb:1:${(++peers).toString(16)}::/48`,
    extensionSlugs: [],
    capabilities: [],
    declaredResidency: 'eu',
    disclosure: DISCLOSED,
    contractVersion: 1,
    contractWindow: { min: 1, max: 1 },
    staleAfterMs: 300_000,
    freshness: { ...unheard(peerId, 300_000), lastHeardAt: ago(MINUTE), lastHeardByThemAt: ago(MINUTE) },
    compatibility: {
      status: 'compatible',
      localVersion: '1.4.2',
      remoteVersion: '1.4.2',
      source: 'implicit',
      notes: '',
    },
    residency: undefined,
    certificates: [{ certificate: 'root ab', notBefore: ago(DAY), notAfter: ahead(3_650 * DAY) }],
    alarms: [],
    ...said,
  }
}

export const evidenceOf = (peers: readonly PeerEvidence[], said: Partial<Evidence> = {}): Evidence => ({
  us: {
    prefix: 'fdaa:1:1::/48',
    disclosure: DISCLOSED,
    contractWindow: { min: 1, max: 1 },
    contractSha256: 'ab'.repeat(32),
    staleAfterMs: 300_000,
  },
  peers,
  notices: [],
  ownAlarms: [],
  listeningSince: ago(DAY),
  unread: new Set(),
  ...said,
})
