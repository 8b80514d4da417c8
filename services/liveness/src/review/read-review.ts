import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { PeerRow } from '../findings/evidence.ts'
import { everyPage } from '../governance/every-page.ts'
import { at, peerFrom } from '../governance/from-wire.ts'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { readSigned } from '../governance/read-signed.ts'
import type { GrantRow, ReviewEvidence, ReviewSource } from '../review-lists/evidence.ts'
import { eachOf } from './each-of.ts'
import { readUse } from './read-use.ts'

/** Peers that are asked about at a time. */
const AT_ONCE = 16

/**
 * Everything a review looks at, asked of its owners. A service that does not answer is written down as not read: what
 * follows from what others said still holds.
 */
export async function readReview(
  { owners, feed, clock, logger }: Pick<GovernanceDeps, 'owners' | 'feed' | 'clock' | 'logger'>,
  archivedAfter: Date | undefined,
  signal: AbortSignal,
): Promise<ReviewEvidence> {
  const now = clock.now()
  const unread = new Set<ReviewSource>()
  async function asked<T>(source: ReviewSource, read: () => Promise<T>, instead: T): Promise<T> {
    try {
      return await read()
    } catch (error) {
      signal.throwIfAborted()
      unread.add(source)
      logger.warn({ task: 'review', kind: source, error }, 'a review could not read what it looks at')
      return instead
    }
  }
  const { registry, authority, grants: granting, ledger } = owners
  const listGrants = (said: Parameters<typeof granting.listGrants>[0]) =>
    everyPage(async (page) => {
      const { grants, nextPageToken: next } = await granting.listGrants({ ...said, ...page }, { signal })
      return { items: grants, next }
    })
  const listPeers = async () =>
    everyPage(async (page) => {
      const { peers, nextPageToken: next } = await registry.listPeers(page, { signal })
      return { items: peers.map(peerFrom), next }
    })

  const [peers, grants, archived] = await Promise.all([
    asked('peers', listPeers, [] as PeerRow[]),
    asked('grants', async () => (await listGrants({ statuses: ['active'] })).map(grantFrom), [] as GrantRow[]),
    asked('archived', async () => (archivedAfter ? listGrants({ statuses: ['archived'], archivedAfter: timestampFromDate(archivedAfter) }) : []), []), // prettier-ignore
  ])
  const [signed, capabilities, use] = await Promise.all([
    asked('certificates', () => readSigned(authority, peers, { now, signal }), new Map()),
    asked('capabilities', () => readCapabilities(granting, peers, signal), new Map<string, number>()),
    asked('use', () => readUse(ledger, grants, { now, signal }), new Map()),
  ])
  if (!feed.isComplete()) unread.add('certificates')
  const certificatesOf = (peerId: string) => [
    ...(feed.peers.get(peerId)?.certificates ?? []),
    ...(signed.get(peerId) ?? []),
  ]
  const certificates = new Map(peers.map(({ peerId }) => [peerId, certificatesOf(peerId)]))
  return { peers, certificates, grants, capabilities, use, archivedGrants: archived.length, unread }
}

type Granting = GovernanceDeps['owners']['grants']
type WireGrant = Awaited<ReturnType<Granting['listGrants']>>['grants'][number]

const grantFrom = (grant: WireGrant): GrantRow => ({
  id: grant.id,
  peerId: grant.peerId,
  remoteSubject: grant.remoteSubject,
  resourceKind: grant.resourceKind,
  resourceId: grant.resourceId,
  scopes: grant.scopes,
  issuedAt: at(grant.issuedAt) ?? new Date(0),
  expiresAt: at(grant.expiresAt) ?? new Date(0),
})

/** Only of peers that declare extensions: of the others nothing follows from it. */
async function readCapabilities(
  granting: Granting,
  peers: readonly PeerRow[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const declaring = peers.filter(({ state, extensionSlugs }) => state !== 'revoked' && extensionSlugs.length > 0)
  const counts = new Map<string, number>()
  await eachOf(declaring, AT_ONCE, async ({ peerId }) => {
    counts.set(peerId, (await granting.listCapabilities({ peerId }, { signal })).capabilities.length)
  })
  return counts
}
