import { FeedEventSchema, type FeedEvent } from '@powernode/proto/powernode/audit/v1/event_pb.ts'
import { CertificateKind, CertificateSchema, type Certificate } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { GrantSchema, type Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { FreshnessSchema, type Freshness } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import type { Notice } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerSchema, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { allPages } from './pages.ts'
import { dealingsWith, plainDealings, type Dealings } from './peer-dealings.ts'
import { compromisesOf, plainCompromises } from './peer-notices.ts'
import { plain } from './plain.ts'
import { factsOf } from './problem.ts'
import type { Session } from './session.ts'

/** All that the platform's services know of one peer. What a service could not tell is empty, and named. */
export type PeerView = {
  readonly peer: Peer
  readonly freshness: Freshness | undefined
  readonly grants: readonly Grant[]
  /** Certificates we signed for the peer. */
  readonly certificates: readonly Certificate[]
  /** When the certificate runs out that we show to the peer. */
  readonly shownUntil: Timestamp | undefined
  readonly events: readonly FeedEvent[]
  /** Only for one peer at a time. */
  readonly dealings?: Dealings
  /** Likewise: when it told us that it was compromised. */
  readonly compromises?: readonly Notice[]
  /** `service: why it did not answer`. */
  readonly unavailable: readonly string[]
}

/** What is known beside the registry's rows, for many peers with one question to each service. */
export type Surroundings = Omit<
  PeerView,
  'peer' | 'events' | 'freshness' | 'shownUntil' | 'dealings' | 'compromises'
> & {
  readonly freshness: readonly Freshness[]
  readonly ownGateway: Certificate | undefined
}

/** Asks liveness, grant-authz and the CA about peers; a service that is down costs its columns, not the answer. */
export async function surroundings({ clients }: Session, peerIds: readonly string[] = []): Promise<Surroundings> {
  const unavailable: string[] = []
  const orNothing = async <T>(service: string, ask: () => Promise<T[]>): Promise<T[]> => {
    try {
      return await ask()
    } catch (error) {
      unavailable.push(`${service}: ${factsOf(error).message}`)
      return []
    }
  }
  const onePeer = peerIds.length === 1 ? (peerIds[0] ?? '') : ''
  const [freshness, grants, certificates] = await Promise.all([
    orNothing('liveness', () =>
      allPages(
        (pageToken) => clients.liveness.listFreshness({ peerIds: [...peerIds], pageSize: 1000, pageToken }),
        (page) => page.freshness,
      ),
    ),
    orNothing('grant-authz', () =>
      allPages(
        (pageToken) => clients.grants.listGrants({ peerId: onePeer, statuses: ['active'], pageSize: 1000, pageToken }),
        (page) => page.grants,
      ),
    ),
    orNothing('peer-registry', () =>
      allPages(
        (pageToken) => clients.authority.listCertificates({ pageSize: 1000, pageToken }),
        (page) => page.certificates,
      ),
    ),
  ])
  const inUse = certificates.filter(({ revokedAt }) => !revokedAt)
  return {
    freshness,
    grants,
    certificates: inUse.filter(({ kind }) => kind === CertificateKind.PEER),
    ownGateway: latest(inUse.filter(({ spiffeId }) => spiffeId.endsWith('/service/federation-gateway'))),
    unavailable,
  }
}

/** One peer with everything that surrounds it, and its last events. */
export async function viewPeer(session: Session, peer: Peer, eventCount: number): Promise<PeerView> {
  const [around, events, dealings, compromises] = await Promise.all([
    surroundings(session, [peer.id]),
    recentEvents(session, peer.id, eventCount),
    dealingsWith(session, peer.id),
    compromisesOf(session, peer.id),
  ])
  const view = viewOf(peer, around)
  return {
    ...view,
    events: events.found,
    dealings,
    compromises: compromises.found,
    unavailable: [...new Set([around, events, dealings, compromises].flatMap(({ unavailable }) => unavailable))],
  }
}

async function recentEvents({ clients }: Session, peerId: string, limit: number) {
  try {
    const { events } = await clients.ledger.recentEvents({ peerId, limit })
    return { found: events.toReversed(), unavailable: [] }
  } catch (error) {
    return { found: [], unavailable: [`audit-ledger: ${factsOf(error).message}`] }
  }
}

/** What of the surroundings concerns this peer. */
export function viewOf(peer: Peer, around: Surroundings): PeerView {
  return {
    peer,
    freshness: around.freshness.find(({ peerId }) => peerId === peer.id),
    grants: around.grants.filter(({ peerId }) => peerId === peer.id),
    certificates: around.certificates.filter(({ peerId }) => peerId === peer.id),
    shownUntil: peer.certificateExpiresAt ?? (peer.enrolledAt ? around.ownGateway?.notAfter : undefined),
    events: [],
    unavailable: around.unavailable,
  }
}

/** The peer's own fields on top, what the other services add under their names. */
export function plainView(view: PeerView) {
  return {
    ...plainRow(view),
    grants: view.grants.map((grant) => plain(GrantSchema, grant)),
    certificates: view.certificates.map((certificate) => plain(CertificateSchema, certificate)),
    timeline: view.events.map((event) => withoutPayload(plain(FeedEventSchema, event))),
    ...(view.dealings && plainDealings(view.dealings)),
    ...(view.compromises && { compromises: plainCompromises(view.compromises) }),
    unavailable: view.unavailable,
  }
}

/** What happened, when and by whom: the payload repeats the peer as it was then, and is read with `fedctl events`. */
const withoutPayload = (event: object) => Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'payload'))

export function plainRow({ peer, freshness, grants }: PeerView) {
  return {
    ...plain(PeerSchema, peer),
    freshness: freshness ? plain(FreshnessSchema, freshness) : null,
    grants_in: grants.length,
  }
}

function latest(certificates: readonly Certificate[]): Certificate | undefined {
  return certificates.reduce<Certificate | undefined>(
    (best, next) => ((next.notAfter?.seconds ?? 0n) > (best?.notAfter?.seconds ?? -1n) ? next : best),
    undefined,
  )
}
