import { AutonomySchema, type Approval, type Autonomy } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { AlarmSchema, type Alarm } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { HealthCheckResponse_ServingStatus as Serving } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import {
  CertificateSchema,
  RotationSchema,
  type Certificate,
  type Rotation,
} from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { GetPlatformResponseSchema, type GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ChildState, OrphanSchema, type Child, type Orphan } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { elapsed } from '@powernode/process'
import { SERVICE_NAMES, type ServiceName } from './context.ts'
import { LIVING } from './living.ts'
import { allPages } from './pages.ts'
import { plain } from './plain.ts'
import { factsOf } from './problem.ts'
import { word, wordsOf } from './render/words.ts'
import type { Session } from './session.ts'

/** How one service is: what it says of itself, or why it says nothing. */
export type ServiceHealth = {
  readonly name: ServiceName
  readonly address: string
  /** "serving", "not_serving", "unreachable" or "not configured". */
  readonly status: string
  readonly ms: number | undefined
  readonly detail: string
}

export type PlatformStatus = {
  readonly context: string
  readonly platform: GetPlatformResponse | undefined
  readonly services: readonly ServiceHealth[]
  readonly peers: readonly Peer[]
  /** Those that run out within a tenth of their life, though services renew by themselves long before. */
  readonly expiring: readonly Certificate[]
  readonly rotation: Rotation | undefined
  /** What waits for somebody who may control: the first hundred. */
  readonly approvals: readonly Approval[]
  /** Whether what acts by itself may act. */
  readonly autonomy: Autonomy | undefined
  /** What was found about logs that should never be, and nobody has settled. */
  readonly alarms: readonly Alarm[]
  /** Platforms that we made, or are making. */
  readonly children: readonly Child[]
  /** What is left of some, and needed by none. */
  readonly orphans: readonly Orphan[]
}

export async function platformStatus(session: Session): Promise<PlatformStatus> {
  const { clients, clock, context } = session
  const [services, platform, peers, certificates, authority, approvals, autonomy, alarms, children, orphans] =
    await Promise.all([
      Promise.all(SERVICE_NAMES.map((name) => healthOf(session, name))),
      orUndefined(() => clients.peers.getPlatform({})),
      orUndefined(() =>
        allPages(
          (pageToken) => clients.peers.listPeers({ pageSize: 1000, pageToken }),
          (page) => page.peers,
        ),
      ),
      orUndefined(() =>
        allPages(
          (pageToken) => clients.authority.listCertificates({ pageSize: 1000, pageToken }),
          (page) => page.certificates,
        ),
      ),
      orUndefined(() => clients.authority.getAuthority({})),
      orUndefined(() => clients.approvals.listApprovals({ states: ['pending'], pageSize: 100 })),
      orUndefined(() => clients.approvals.getAutonomy({})),
      orUndefined(() => clients.ledger.listAlarms({ openOnly: true })),
      orUndefined(() =>
        allPages(
          (pageToken) => clients.spawning.listChildren({ states: LIVING, pageSize: 1000, pageToken }),
          (page) => page.children,
        ),
      ),
      orUndefined(() => clients.spawning.listOrphans({})),
    ])
  return {
    context: context.name,
    platform,
    services,
    peers: peers ?? [],
    expiring: newestOfEach(certificates ?? []).filter((certificate) => isExpiring(certificate, clock.now())),
    rotation: authority?.rotation,
    approvals: approvals?.approvals ?? [],
    autonomy: autonomy?.autonomy,
    alarms: alarms?.alarms ?? [],
    children: children ?? [],
    orphans: orphans?.orphans ?? [],
  }
}

async function healthOf({ clients, context, signal }: Session, name: ServiceName): Promise<ServiceHealth> {
  const address = context.services[name]
  if (!address) return { name, address: '', status: 'not configured', ms: undefined, detail: '' }
  const ms = elapsed()
  try {
    const { status } = await clients.health(name).check({}, { timeoutMs: 3_000, signal })
    return { name, address, status: word(Serving, status), ms: ms(), detail: '' }
  } catch (error) {
    return { name, address, status: 'unreachable', ms: undefined, detail: factsOf(error).message }
  }
}

/** What the services that answer can tell is shown even when others do not; `services` says which. */
async function orUndefined<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch {
    return undefined
  }
}

/** A renewed certificate leaves its predecessor to run out: only the newest of a name matters. */
export function newestOfEach(certificates: readonly Certificate[]): Certificate[] {
  const newest = new Map<string, Certificate>()
  for (const certificate of certificates) {
    if (certificate.revokedAt || certificate.spiffeId === '') continue
    const before = newest.get(certificate.spiffeId)
    if ((certificate.notAfter?.seconds ?? 0n) > (before?.notAfter?.seconds ?? -1n))
      newest.set(certificate.spiffeId, certificate)
  }
  return [...newest.values()]
}

export function isExpiring({ notBefore, notAfter }: Certificate, now: Date): boolean {
  if (!notBefore || !notAfter) return false
  const life = Number(notAfter.seconds - notBefore.seconds)
  return Number(notAfter.seconds) - now.getTime() / 1_000 < life / 10
}

/** Of each state, how many children are in it. */
export const childrenByState = (children: readonly Child[]): Record<string, number> =>
  Object.fromEntries(
    LIVING.map((state) => [word(ChildState, state), children.filter((child) => child.state === state).length]),
  )

export function countByState(peers: readonly Peer[]): Record<string, number> {
  const counts = wordsOf(PeerState).map((state) => [state, 0] as const)
  const all: Record<string, number> = Object.fromEntries(counts)
  for (const { state } of peers) all[word(PeerState, state)] = (all[word(PeerState, state)] ?? 0) + 1
  return all
}

export function plainStatus(status: PlatformStatus) {
  const { context, platform, services, peers, expiring, rotation, approvals, autonomy, alarms, children, orphans } =
    status
  return {
    context,
    platform: platform ? plain(GetPlatformResponseSchema, platform) : null,
    services: services.map(({ ms, ...service }) => ({ ...service, ms: ms ?? null })),
    peers: countByState(peers),
    open_items: peers.flatMap(({ id, name, openItems }) => openItems.map((item) => ({ peer_id: id, name, item }))),
    expiring_certificates: expiring.map((certificate) => plain(CertificateSchema, certificate)),
    rotation: rotation ? plain(RotationSchema, rotation) : null,
    pending_approvals: approvals.map(({ id, action, summary, requestedBy }) => ({
      id,
      action,
      summary,
      requested_by: requestedBy,
    })),
    autonomy: autonomy ? plain(AutonomySchema, autonomy) : null,
    open_alarms: alarms.map((alarm) => plain(AlarmSchema, alarm)),
    children: childrenByState(children),
    orphans: orphans.map((orphan) => plain(OrphanSchema, orphan)),
  }
}
