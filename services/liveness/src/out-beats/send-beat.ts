import { create } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, type Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import {
  HeartbeatRequestSchema,
  type FederationService,
  type HeartbeatResponse,
  type LedgerHead,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
import type { Local, WatchedPeer } from '../feed/watched-peer.ts'
import { mintNonce } from '../own-nonces.ts'
import type { AnsweredBeat, FailedBeat } from '../own-beat.ts'
import { fromBookmark, toBookmark } from '../wire.ts'
import { NO_BOOKMARK, leapsOver, type Bookmark } from '../bookmark.ts'
import type { OwnEpoch } from '../store/platform.ts'

export type Gateway = Client<typeof FederationService>

/** All that goes into one beat of ours. */
export type OwnBeat = {
  readonly peer: WatchedPeer
  readonly own: OwnEpoch
  readonly sequence: bigint
  readonly local: Local
  readonly describe: boolean
  /** The last nonce we heard of them. */
  readonly echoNonce: Buffer | null
  /** Where our log about them ends. */
  readonly ledgerHead: LedgerHead | undefined
  /** The last one they gave us; null while our database does not answer. */
  readonly bookmark: Bookmark | null
}

export type SentBeat =
  | {
      readonly kind: 'answered'
      readonly beat: Omit<AnsweredBeat, 'nextBeatAt'>
      readonly response: HeartbeatResponse
      /** They have given us bookmarks that we do not know any more: we were restored from a backup. */
      readonly forgot: boolean
    }
  | { readonly kind: 'failed'; readonly beat: Omit<FailedBeat, 'nextBeatAt'> }

const LONGEST_WAIT_MS = 10_000
const SHORTEST_WAIT_MS = 1_000

/** Beats one peer through our gateway. Never throws: a beat that fails is a finding, not a fault. */
export async function sendBeat(
  { gateway, clock }: { gateway: Gateway; clock: Clock },
  said: OwnBeat,
  signal: AbortSignal,
): Promise<SentBeat> {
  const nonce = mintNonce()
  const sentAt = clock.now()
  const timeoutMs = Math.max(SHORTEST_WAIT_MS, Math.min(LONGEST_WAIT_MS, said.peer.heartbeatIntervalMs))
  try {
    const headers = { 'powernode-peer-id': said.peer.peerId }
    const response = await gateway.heartbeat(request(said, nonce, sentAt), { headers, timeoutMs, signal })
    const answeredAt = clock.now()
    if (!nonce.equals(response.echoNonce)) {
      return failed(nonce, sentAt, answeredAt, 'PEER_REFUSED: the answer does not echo the nonce of our beat')
    }
    const beat = answered(response, { nonce, sentAt, answeredAt })
    return {
      kind: 'answered',
      response,
      beat,
      forgot: said.bookmark !== null && leapsOver(said.bookmark, beat.bookmark),
    }
  } catch (error) {
    return failed(nonce, sentAt, clock.now(), sentence(error))
  }
}

function request(
  { own, sequence, local, describe, echoNonce, ledgerHead, bookmark }: OwnBeat,
  nonce: Buffer,
  sentAt: Date,
) {
  return create(HeartbeatRequestSchema, {
    nonce,
    sentAt: timestampFromDate(sentAt),
    epoch: own.epoch,
    incarnation: own.incarnation,
    sequence,
    platformSha256: local.descriptionSha256,
    trustBundleSequence: local.trustBundleSequence,
    ...(echoNonce && { echoNonce }),
    ...(ledgerHead && { ledgerHead }),
    ...(bookmark && { bookmark: toBookmark(bookmark) }),
    ...(describe && { platform: local.description }),
  })
}

function answered(
  { receivedAt, sentAt: repliedAt, state, versionStatus, trustBundleSequence, bookmark }: HeartbeatResponse,
  ours: Pick<AnsweredBeat, 'nonce' | 'sentAt' | 'answeredAt'>,
): Omit<AnsweredBeat, 'nextBeatAt'> {
  return {
    ...ours,
    theirReceivedAt: moment(receivedAt),
    theirSentAt: moment(repliedAt),
    stateThere: state,
    versionStatusThere: versionStatus,
    trustBundleSequence,
    bookmark: fromBookmark(bookmark) ?? NO_BOOKMARK,
  }
}

const failed = (nonce: Buffer, sentAt: Date, failedAt: Date, error: string): SentBeat => ({
  kind: 'failed',
  beat: { nonce, sentAt, failedAt, error },
})

/** A stable reason and a sentence, also for what is no refusal of ours. */
function sentence(error: unknown): string {
  const refusal = refusalOf(error)
  // What the other side said, when it was the other side: that is the word an operator can look up.
  if (refusal) return `${refusal.metadata['peer_reason'] ?? refusal.reason}: ${refusal.message}`
  const { code, rawMessage } = ConnectError.from(error)
  if (code === Code.DeadlineExceeded) return `DEADLINE_EXCEEDED: ${rawMessage}`
  return `SERVICE_UNAVAILABLE: ${Code[code]}: ${rawMessage}`
}

const moment = (at: Timestamp | undefined): Date | null => (at ? timestampDate(at) : null)
