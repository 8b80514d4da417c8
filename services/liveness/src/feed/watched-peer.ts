import { createHash } from 'node:crypto'
import { toBinary } from '@bufbuild/protobuf'
import { durationMs, timestampDate, type Duration } from '@bufbuild/protobuf/wkt'
import {
  PlatformDescriptionSchema,
  type PlatformDescription,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { PeerKind, PeerState as WireState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { LocalPlatform, PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { PeerState } from '../announcement.ts'
import type { PeerView } from '../operations/record-beats.ts'

/** What the heart needs to know of a peer; keys and certificates are the gateway's business. */
export type WatchedPeer = PeerView & {
  readonly heartbeatIntervalMs: number
  /** How we stand with its platform version; empty before it has said one. */
  readonly versionStatus: string
  readonly certificates: readonly CertificateEnd[]
}

/** When a certificate ends that vouches for the peer (`root …`), or for us there (`leaf …`). */
export type CertificateEnd = {
  readonly certificate: string
  readonly notBefore: Date | undefined
  readonly notAfter: Date
}

/** What we say of ourselves. */
export type Local = {
  readonly description: PlatformDescription
  readonly descriptionSha256: Buffer
  readonly trustBundleSequence: bigint
}

/** 60 s and 5 min: the source documents' beat, for peers whose timers were never agreed. */
const DEFAULT_TIMERS = { heartbeatIntervalMs: 60_000, staleAfterMs: 300_000 }

export const STATES: Readonly<Record<WireState, PeerState>> = {
  [WireState.UNSPECIFIED]: 'unknown',
  [WireState.PROPOSED]: 'proposed',
  [WireState.ACCEPTED]: 'accepted',
  [WireState.ENROLLED]: 'enrolled',
  [WireState.ACTIVE]: 'active',
  [WireState.DEGRADED]: 'degraded',
  [WireState.SUSPENDED]: 'suspended',
  [WireState.REVOKED]: 'revoked',
}

/** Only platforms have a heart; a peer that is no more than a network has nobody to answer. */
export const isPlatform = ({ kind }: PeerRoute): boolean => kind !== PeerKind.SDWAN_ONLY

export function toWatched({
  peerId,
  state,
  timers,
  trustBundleSequence,
  versionStatus,
  certificateEnds,
}: PeerRoute): WatchedPeer {
  return {
    peerId,
    state: STATES[state] ?? 'unknown', // a state of a later release
    trustBundleSequence,
    versionStatus,
    heartbeatIntervalMs: ms(timers?.heartbeatInterval) ?? DEFAULT_TIMERS.heartbeatIntervalMs,
    staleAfterMs: ms(timers?.staleAfter) ?? DEFAULT_TIMERS.staleAfterMs,
    certificates: certificateEnds.flatMap(({ certificate, notBefore, notAfter }) =>
      notAfter
        ? [{ certificate, notBefore: notBefore && timestampDate(notBefore), notAfter: timestampDate(notAfter) }]
        : [],
    ),
  }
}

/** A peer that has beaten before peer-registry named it to us. */
export const unnamed = (peerId: string): PeerView => ({
  peerId,
  state: 'unknown',
  staleAfterMs: DEFAULT_TIMERS.staleAfterMs,
  trustBundleSequence: 0n,
})

export function toLocal({ platform, trustBundleSequence }: LocalPlatform): Local {
  if (!platform) throw new Error('peer-registry told us of ourselves without a description')
  return { description: platform, descriptionSha256: descriptionDigest(platform), trustBundleSequence }
}

/** SHA-256 of the description's bytes: the sender's word for "this is how I am now". */
export const descriptionDigest = (description: PlatformDescription): Buffer =>
  createHash('sha256').update(toBinary(PlatformDescriptionSchema, description)).digest()

const ms = (duration: Duration | undefined): number | undefined =>
  duration && Math.max(1, Math.round(durationMs(duration)))
