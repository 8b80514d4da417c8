import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Clock } from '@powernode/clock'
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
import type { Recorder } from '../recorder/recorder.ts'

type Deps = {
  readonly clock: Clock
  readonly feed: PeerFeed
  readonly recorder: Recorder
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
  { clock, feed, recorder, metrics }: Deps,
  { number, peerId, heartbeat, receivedAt }: HeardHeartbeat,
): Promise<MessageInitShape<typeof RecordedHeartbeatSchema>> {
  if (!heartbeat || !receivedAt) throw new Error('a beat passed validation without its content')
  const peer: PeerView = feed.peers.get(peerId) ?? unnamed(peerId)
  const beat = toBeat(heartbeat, earlier(timestampDate(receivedAt), clock.now()))
  const recorded = await recorder.add({ kind: 'heard', peer, beat, description: heartbeat.platform })
  metrics.heartbeats.inc({ direction: 'in', outcome: recorded.outcome })
  return {
    number,
    response: {
      echoNonce: heartbeat.nonce,
      receivedAt,
      sentAt: timestampFromDate(clock.now()),
      state: peer.state,
      wantPlatform: recorded.wantsDescription,
      lastEpoch: recorded.freshness.rememberedEpoch,
      trustBundleSequence: feed.local()?.trustBundleSequence ?? 0n,
    },
  }
}

function toBeat(wire: HeartbeatRequest, receivedAt: Date): Beat {
  const { platform, platformSha256, ledgerHead } = wire
  // A description without its digest gets one, so that one that does not change is not news with every beat.
  const digest = platform && platformSha256.length === 0 ? descriptionDigest(platform) : Buffer.from(platformSha256)
  return {
    receivedAt,
    nonce: Buffer.from(wire.nonce),
    echoNonce: Buffer.from(wire.echoNonce),
    epoch: wire.epoch,
    incarnation: Buffer.from(wire.incarnation),
    sequence: wire.sequence,
    describes: platform !== undefined,
    descriptionSha256: digest,
    trustBundleSequence: wire.trustBundleSequence,
    ledgerHead: ledgerHead ? { size: ledgerHead.size, root: Buffer.from(ledgerHead.root) } : null,
  }
}

/** A beat cannot have been heard later than now: a future moment would keep a peer fresh for longer than agreed. */
const earlier = (said: Date, now: Date): Date => (said < now ? said : now)
