import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { elapsed } from '@powernode/process'
import { EndpointHealthSchema, type GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { refusalOf, type CallersTable } from '@powernode/rpc'
import type { Outbound } from './outbound.ts'
import type { Resolve } from './peer-client.ts'
import { pinnedRoot } from './pinned-root.ts'

/** Who may ask about the roads to peers. */
export const ROAD_CALLERS: CallersTable<typeof GatewayService> = {
  probeEndpoint: ['service/peer-registry', 'system.federation.read'],
  listEndpoints: ['service/peer-registry', 'system.federation.read'],
}

type Parts = {
  readonly outbound: Outbound
  readonly resolve: Resolve
  readonly clock: Clock
  readonly trustDomain: string
  readonly connectTimeoutMs: number
}

/** What this gateway knows of the roads to peers, and can find out without sending anything. */
export const roadHandlers = (parts: Parts): ServiceImpl<typeof GatewayService> => ({
  probeEndpoint: ({ url, caPin }) => probe(parts, url, caPin),

  listEndpoints: ({ peerIds }) => ({
    endpoints: parts.outbound.endpoints(peerIds).map(({ peerId, url, status, verifiedAt, failedAt, why }) =>
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
})

/** Looks at the chain that a server shows, and hangs up. A refusal is the answer here, not an error. */
async function probe({ resolve, clock, trustDomain, connectTimeoutMs }: Parts, url: string, caPin: string) {
  const time = elapsed()
  try {
    const { addresses, port } = await resolve(url)
    const [address = ''] = addresses
    const where = { address, port, serverName: trustDomain, timeoutMs: connectTimeoutMs }
    await pinnedRoot(where, Buffer.from(caPin, 'hex'), clock)
    return { reachable: true, detail: `answered in ${Math.round(time())} ms, and its CA matches the pin` }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal) return { reachable: false, detail: `${refusal.reason}: ${refusal.message}` }
    return { reachable: false, detail: `PEER_UNREACHABLE: ${error instanceof Error ? error.message : 'no connection'}` }
  }
}
