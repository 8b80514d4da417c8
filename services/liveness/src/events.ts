import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import type { PlatformDescription } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  PeerBundleOutdatedSchema,
  PeerDescribedSchema,
  PeerHeardSchema,
  PeerRestoredSchema,
  PeerSilentSchema,
  PlatformRestoredSchema,
} from '@powernode/proto/powernode/liveness/v1/events_pb.ts'
import type { Freshness } from './freshness.ts'
import { toWire } from './wire.ts'

const US = 'service/liveness'

/** Beats go both ways (again). */
export function peerHeard(of: Freshness, at: Date): Announcement {
  const payload = create(PeerHeardSchema, { freshness: toWire(of, at) })
  return { ...aboutPeer(of, 'heard'), kind: 'federation.peer.heartbeat', actor: US, at, payload }
}

/** In at least one direction nothing was heard for too long; the payload says in which. */
export function peerSilent(of: Freshness, at: Date): Announcement {
  const payload = create(PeerSilentSchema, { freshness: toWire(of, at) })
  const kind = 'federation.peer.heartbeat_stale'
  return { ...aboutPeer(of, 'silent'), kind, severity: 'medium', actor: US, at, payload }
}

/** A peer says something else of itself than before. */
export function peerDescribed(of: Freshness, platform: PlatformDescription, at: Date): Announcement {
  const payload = create(PeerDescribedSchema, { platform })
  return { ...aboutPeer(of, 'described'), kind: 'federation.peer.described', actor: by(of), at, payload }
}

/** A peer holds a newer trust bundle than the one we have of it. */
export function peerBundleOutdated(of: Freshness, at: Date): Announcement {
  const payload = create(PeerBundleOutdatedSchema, { trustBundleSequence: of.trustBundleSequence })
  const kind = 'federation.peer.bundle_outdated'
  return { ...aboutPeer(of, 'bundle_outdated'), kind, actor: by(of), at, payload }
}

/** A peer came back with an earlier epoch, or bookmark, than it had: restored from a backup. */
export function peerRestored(before: Freshness, after: Freshness, at: Date): Announcement {
  const payload = create(PeerRestoredSchema, {
    freshness: toWire(after, at),
    previousEpoch: before.epoch,
    previousSequence: before.sequence,
  })
  const kind = 'federation.peer.restored'
  return { ...aboutPeer(after, 'restored'), kind, severity: 'high', actor: by(after), at, payload }
}

/** A peer remembers a later epoch of ours than we do, or gave us what we have not got: we were restored from a backup. */
export function platformRestored(
  { peerId, previousEpoch, rememberedEpoch, epoch }: OwnRestore,
  at: Date,
): Announcement {
  const payload = create(PlatformRestoredSchema, { peerId, previousEpoch, rememberedEpoch, epoch })
  const about = { noun: 'liveness', word: 'epoch_raised', id: peerId, peerId } as const
  return { ...about, kind: 'federation.platform.restored', severity: 'high', actor: `peer/${peerId}`, at, payload }
}

export type OwnRestore = {
  /** The peer that told us. */
  readonly peerId: string
  readonly previousEpoch: bigint
  readonly rememberedEpoch: bigint
  readonly epoch: bigint
}

/** News of a peer is a kind of the peer's, whoever noticed it. */
const aboutPeer = ({ peerId }: Freshness, word: string) => ({ noun: 'liveness', word, id: peerId, peerId }) as const

const by = (of: Freshness): string => `peer/${of.peerId}`
