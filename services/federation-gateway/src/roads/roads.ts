import { create } from '@bufbuild/protobuf'
import { durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import { elapsed } from '@powernode/process'
import {
  EndpointHealthSchema,
  type ExamineRoadResponse,
  type GatewayService,
  type ProbedEndpoint,
} from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { rateLimit, refusalOf, sharedAnswer, takeOfOperator, underway, type CallersTable } from '@powernode/rpc'
import { pinnedRoot } from '../egress/pinned-root.ts'
import { examineRoad } from './examine-road.ts'
import { probePeer } from './probe-peer.ts'
import type { RoadParts } from './road-parts.ts'

/** Who may ask about the roads to peers. */
export const ROAD_CALLERS: CallersTable<typeof GatewayService> = {
  probeEndpoint: ['service/peer-registry', 'system.federation.read'],
  probePeer: ['service/liveness', 'system.federation.read'],
  examineRoad: ['service/liveness', 'system.federation.read'],
  listEndpoints: ['service/peer-registry', 'system.federation.read'],
}

/** So often an operator's token has roads tried: each is a handful of connections to places that a peer chose. */
const TRIES = 30
const TRIES_SECONDS = 10

/** What this gateway knows of the roads to peers, and can find out: of each peer once at a time, whoever asks. */
export function roadHandlers(
  parts: RoadParts,
  perOperator = rateLimit(TRIES, TRIES_SECONDS),
): ServiceImpl<typeof GatewayService> {
  const probed = underway<ProbedEndpoint[]>()
  const examined = underway<ExamineRoadResponse>()
  return {
    probeEndpoint: ({ url, caPin }, context) => {
      takeOfOperator(perOperator, context, WHAT)
      return probe(parts, url, caPin)
    },

    async probePeer({ peerId }, context) {
      takeOfOperator(perOperator, context, WHAT)
      const ask = (until: AbortSignal) => probePeer(parts, peerId, until)
      return { endpoints: await sharedAnswer(probed, { key: peerId, ask, signal: context.signal }) }
    },

    examineRoad({ peerId, within }, context) {
      takeOfOperator(perOperator, context, WHAT)
      const withinMs = within && durationMs(within)
      const ask = (until: AbortSignal) => examineRoad(parts, { peerId, withinMs }, until)
      return sharedAnswer(examined, { key: `${peerId} ${withinMs}`, ask, signal: context.signal })
    },

    listEndpoints: ({ peerIds }) => ({
      endpoints: parts.memory.list(peerIds).map(({ peerId, url, status, verifiedAt, failedAt, why }) =>
        create(EndpointHealthSchema, {
          peerId,
          url,
          status,
          lastFailureError: why,
          ...(verifiedAt && { lastVerifiedAt: timestampFromDate(verifiedAt) }),
          ...(failedAt && { lastFailureAt: timestampFromDate(failedAt) }),
        }),
      ),
    }),
  }
}

const WHAT = 'roads tried for one operator'

/** Looks at the chain that a server shows, and hangs up. A refusal is the answer here, not an error. */
async function probe(
  { resolve, clock, outbound, limits: { connectTimeoutMs } }: RoadParts,
  url: string,
  caPin: string,
) {
  const time = elapsed()
  try {
    const { addresses, port } = await resolve(url)
    const [address = ''] = addresses
    const where = { address, port, serverName: outbound.own.spiffeId.trustDomain, timeoutMs: connectTimeoutMs }
    await pinnedRoot(where, Buffer.from(caPin, 'hex'), clock)
    return { reachable: true, detail: `answered in ${Math.round(time())} ms, and its CA matches the pin` }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal) return { reachable: false, detail: `${refusal.reason}: ${refusal.message}` }
    return { reachable: false, detail: `PEER_UNREACHABLE: ${error instanceof Error ? error.message : 'no connection'}` }
  }
}
