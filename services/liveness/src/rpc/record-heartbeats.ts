import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Clock } from '@powernode/clock'
import {
  PlatformDescriptionSchema,
  type PlatformDescription,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { HeartbeatRequest } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import {
  RecordHeartbeatsResponseSchema,
  type HeardHeartbeat,
  type RecordedHeartbeatSchema,
  type RecordHeartbeatsRequest,
  type RecordHeartbeatsResponse,
} from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import type { PeerFeed } from '../feed/peer-feed.ts'
import { descriptionDigest, unnamed } from '../feed/watched-peer.ts'
import type { Beat } from '../heard-beat.ts'
import type { BeatMetrics } from '../metrics/beat-metrics.ts'
import type { PeerView } from '../operations/record-beats.ts'
import type { LedgerHeads } from '../heads/ledger-heads.ts'
import { fromBookmark, toBookmark } from '../wire.ts'
import type { Recorder } from '../recorder/recorder.ts'

type Deps = {
  readonly clock: Clock
  readonly feed: PeerFeed
  readonly recorder: Recorder
  readonly heads: LedgerHeads
  readonly metrics: BeatMetrics
}

/** Takes in one message of the gateway's stream; answers when all its beats are committed. */
export async function recordHeartbeats(
  deps: Deps,
  { heartbeats }: RecordHeartbeatsRequest,
): Promise<RecordHeartbeatsResponse> {
  const recorded = await Promise.all(heartbeats.map((heard) => recordOne(deps, heard)))
  return create(RecordHeartbeatsResponseSchema, { heartbeats: recorded })
}

async function recordOne(
  { clock, feed, recorder, heads, metrics }: Deps,
  { number, peerId, heartbeat, receivedAt }: HeardHeartbeat,
): Promise<MessageInitShape<typeof RecordedHeartbeatSchema>> {
  if (!heartbeat || !receivedAt) throw new Error('a beat passed validation without its content')
  const known = feed.peers.get(peerId)
  const peer: PeerView = known ?? unnamed(peerId)
  const description = descriptionOf(heartbeat)
  const beat = toBeat(heartbeat, description, earlier(timestampDate(receivedAt), clock.now()))
  const recorded = await recorder.add({ kind: 'heard', peer, beat, description })
  metrics.heartbeats.inc({ direction: 'in', outcome: recorded.outcome })
  // A beat that is repeated tells where the log was, not where it is; of whom nobody told us, nothing is passed on.
  if (recorded.outcome !== 'replayed' && known) heads.told(peerId, heartbeat.ledgerHead)
  const ledgerHead = heads.ofPeer(peerId)
  // Late mail is given nothing: who leads their beats by now may have been given more, and would take it for more than it knows.
  const { givenBookmark } = recorded.freshness
  const gives = recorded.outcome !== 'replayed' && givenBookmark.length > 0
  return {
    number,
    response: {
      echoNonce: heartbeat.nonce,
      receivedAt,
      sentAt: timestampFromDate(clock.now()),
      state: peer.state,
      versionStatus: known?.versionStatus ?? '',
      wantPlatform: recorded.wantsDescription,
      lastEpoch: recorded.freshness.rememberedEpoch,
      trustBundleSequence: feed.local()?.trustBundleSequence ?? 0n,
      ...(ledgerHead && { ledgerHead }),
      ...(gives && { bookmark: toBookmark(givenBookmark) }),
    },
  }
}

/** Larger descriptions are not taken: as an event they would be more than a message may hold. */
const LARGEST_DESCRIPTION = 262_144

const descriptionOf = ({ platform }: HeartbeatRequest): PlatformDescription | undefined =>
  platform && toBinary(PlatformDescriptionSchema, platform).length <= LARGEST_DESCRIPTION ? platform : undefined

function toBeat(wire: HeartbeatRequest, description: PlatformDescription | undefined, receivedAt: Date): Beat {
  const { platformSha256 } = wire
  // A description without its digest gets one, so that one that does not change is not news with every beat.
  const named = platformSha256.length > 0 || !description
  const digest = named ? Buffer.from(platformSha256) : descriptionDigest(description)
  return {
    receivedAt,
    nonce: Buffer.from(wire.nonce),
    echoNonce: Buffer.from(wire.echoNonce),
    epoch: wire.epoch,
    incarnation: Buffer.from(wire.incarnation),
    sequence: wire.sequence,
    bookmark: fromBookmark(wire.bookmark),
    describes: description !== undefined,
    descriptionSha256: digest,
    trustBundleSequence: wire.trustBundleSequence,
  }
}

/** A beat cannot have been heard later than now: a future moment would keep a peer fresh for longer than agreed. */
const earlier = (said: Date, now: Date): Date => (said < now ? said : now)
