import { create } from '@bufbuild/protobuf'
import { pemToDer } from '@powernode/identity'
import { elapsed } from '@powernode/process'
import { refusalOf } from '@powernode/rpc'
import {
  ExaminedEndpointSchema,
  ExamineRoadResponseSchema,
  type ExaminedEndpoint,
  type ExamineRoadResponse,
} from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { shownTo } from '../door/tls-contexts.ts'
import { judgeChain, judgeRoots, type Link } from './judge-chain.ts'
import { examineServer } from './examine-server.ts'
import { inTime, networkFault, openFirst, until, type Patience } from './meet-server.ts'
import { ADDRESSES_TRIED, currentPeer, type RoadParts } from './road-parts.ts'
import { linkToWire, said, took } from './road-to-wire.ts'

export type Examined = {
  readonly peerId: string
  /** So long it may take in all; what was not found out by then is told as that. */
  readonly withinMs?: number | undefined
}

/** No piece of a road takes longer by itself. */
const LONGEST_MS = 60_000

/** What was found out about one endpoint so far. */
type Found = Omit<Partial<ExaminedEndpoint>, '$typeName' | '$unknown'>

/**
 * Walks the road to a peer piece by piece, to every endpoint at once, and stops on each at what does not hold.
 *
 * Whoever asks names a peer, never an address; and the addresses are those of current peers, in so far as this platform may
 * call them at all. What is met at an address that turns out to be none of the peer's is for our own operators only: it may
 * be anything in our own network that the peer wanted to know of.
 */
export async function examineRoad(
  parts: RoadParts,
  { peerId, withinMs = LONGEST_MS }: Examined,
  signal: AbortSignal,
): Promise<ExamineRoadResponse> {
  const patience = until(parts.clock, { withinMs, stepMs: parts.limits.connectTimeoutMs, signal })
  try {
    const route = currentPeer(parts, peerId)
    const endpoints = await Promise.all(
      route.endpoints.map(async ({ url }) =>
        create(ExaminedEndpointSchema, { url, ...(await examineEndpoint(parts, route, url, patience)) }),
      ),
    )
    return create(ExamineRoadResponseSchema, {
      endpoints,
      ourChain: ourChain(parts, route).map(linkToWire),
      expectedSpiffeId: route.spiffeId,
      trustedRoots: judgeRoots(route.trustRoots, parts.clock.now()).map(linkToWire),
    })
  } catch (error) {
    const refusal = refusalOf(error)
    if (!refusal) throw error
    return create(ExamineRoadResponseSchema, { refused: `${refusal.reason}: ${refusal.message}` })
  }
}

/** What we show, as they will see it: they trust our roots, or their own when they signed our certificate. */
function ourChain({ outbound: { own }, clock }: RoadParts, route: PeerRoute): Link[] {
  const isTheirs = route.certificateChain.length > 0
  return judgeChain(pemToDer(shownTo(route, own).cert, 'CERTIFICATE'), {
    roots: isTheirs ? route.trustRoots : pemToDer(own.ca, 'CERTIFICATE'),
    crls: isTheirs ? route.crls : (own.crl ?? []).flatMap((pem) => pemToDer(pem, 'X509 CRL')),
    now: clock.now(),
    asClient: true,
  })
}

// oxlint-disable-next-line max-params -- with what, whom, where, and until when
async function examineEndpoint(parts: RoadParts, route: PeerRoute, url: string, patience: Patience): Promise<Found> {
  const naming = elapsed()
  const named = await orFault(inTime(parts.names(route.peerId)(url), patience), patience.signal)
  if ('fault' in named) return { nameError: said(named.fault), nameTook: took(naming()) }
  const { host, port } = named
  const addresses = named.addresses.slice(0, ADDRESSES_TRIED)
  const found: Found = { addresses: [...addresses], nameTook: took(naming()) }

  const connecting = elapsed()
  const reached = await orFault(openFirst(addresses, port, patience), patience.signal)
  if ('fault' in reached) return { ...found, connectError: said(reached.fault) }
  const { address, socket } = reached
  const connectTook = took(connecting())
  const met = await examineServer(parts, { route, socket, address: { address, port, host } }, patience)
  return { ...found, connected: true, connectTook, ...met }
}

/** What was waited for, or why it did not come. Being told to stop is no answer. */
async function orFault<T extends object>(
  awaited: Promise<T>,
  signal: AbortSignal,
): Promise<T | { readonly fault: string }> {
  try {
    return await awaited
  } catch (error) {
    signal.throwIfAborted()
    const refusal = refusalOf(error)
    return { fault: refusal ? `${refusal.reason}: ${refusal.message}` : networkFault(error) }
  }
}
