import { create, toBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Metadata } from '@grpc/grpc-js'
import { elapsed } from '@powernode/process'
import { Health, HealthCheckRequestSchema } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { type Endpoint } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { ProbedEndpointSchema, type ProbedEndpoint } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { destinationOf, type Address } from '../egress/destination.ts'
import { failureOf, textOf, type Failure } from '../egress/failures.ts'
import { Road } from '../egress/road.ts'
import { inTime } from './meet-server.ts'
import { ADDRESSES_TRIED, currentPeer, type RoadParts } from './road-parts.ts'

const QUESTION = Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)))
const PATH = `/${Health.typeName}/${Health.method.check.name}`

/**
 * Whether a peer answers, under each of its endpoints, over connections made for it: one that is open says only that
 * nobody has noticed its end.
 *
 * The question is after its health, which every platform answers to those it knows and writes nothing down for; so no beat
 * is forged. A peer that says "not now" is there; one that refuses us is not. All are asked at once, circuit or no circuit.
 */
export async function probePeer(parts: RoadParts, peerId: string, signal: AbortSignal): Promise<ProbedEndpoint[]> {
  const route = currentPeer(parts, peerId)
  const probed = await Promise.all(route.endpoints.map((endpoint) => probeEndpoint(parts, { route, endpoint }, signal)))
  if (probed.some(({ reachable }) => reachable)) parts.outbound.heard(peerId)
  return probed
}

type Probed = { readonly route: PeerRoute; readonly endpoint: Endpoint }

async function probeEndpoint(
  parts: RoadParts,
  { route, endpoint }: Probed,
  signal: AbortSignal,
): Promise<ProbedEndpoint> {
  const { clock, memory, table } = parts
  const time = elapsed()
  const failure = await failureBehind(parts, { route, endpoint }, signal)
  const said = failure && textOf(failure)
  const reachable = failure === undefined || failure.kind === 'not_now'
  const isItsStill = table.peer(route.peerId)?.endpoints.some(({ url }) => url === endpoint.url) === true
  if (isItsStill && reachable) memory.reached(route, endpoint)
  else if (isItsStill) memory.failed(route, endpoint, said ?? '')
  return create(ProbedEndpointSchema, {
    url: endpoint.url,
    reachable,
    detail: reachable ? `answered in ${Math.round(time())} ms${said ? `: ${said}` : ''}` : detailOf(failure),
    at: timestampFromDate(clock.now()),
  })
}

function detailOf(failure: Failure): string {
  const reason = failure.kind === 'unreachable' ? 'PEER_UNREACHABLE' : failure.refusal.reason
  return `${reason}: ${textOf(failure)}`
}

/** Why nobody answers there; undefined: the peer did. All addresses are tried at once, so that the time it takes has an end. */
async function failureBehind(
  { names, ...parts }: RoadParts,
  { route, endpoint }: Probed,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const patience = { clock: parts.clock, withinMs: parts.limits.connectTimeoutMs, signal }
  try {
    const { host, port, addresses } = await inTime(names(route.peerId)(endpoint.url), patience)
    const tries = addresses.slice(0, ADDRESSES_TRIED).map(async (address) => {
      const failure = await failureAt(parts, route, { address, port, host }, signal)
      if (failure && failure.kind !== 'not_now') throw new NoAnswer(failure)
      return failure
    })
    return await Promise.any(tries)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AggregateError) return worstOf(error.errors)
    return failureOf(error) ?? { kind: 'unreachable', why: error instanceof Error ? error.message : String(error) }
  }
}

/** One address came to this. */
class NoAnswer extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.kind)
    this.failure = failure
  }
}

/** Of what several addresses came to: what somebody must act on, before that nobody was there. A fault of ours stays one. */
function worstOf(errors: readonly unknown[]): Failure {
  const failures = errors.map((error) => {
    if (error instanceof NoAnswer) return error.failure
    throw error
  })
  const worst = failures.find(({ kind }) => kind !== 'unreachable') ?? failures.at(-1)
  return worst ?? { kind: 'unreachable', why: 'its name resolves to no address' }
}

// oxlint-disable-next-line max-params -- with what, whom, where, and until when
async function failureAt(
  { outbound, clock, limits }: Omit<RoadParts, 'names'>,
  route: PeerRoute,
  address: Address,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const { connectTimeoutMs, attemptTimeoutMs, maxMessageBytes } = limits
  let road: Road | undefined
  try {
    const destination = await destinationOf(route, address, { own: outbound.own, clock, connectTimeoutMs })
    road = new Road(destination, clock, maxMessageBytes)
    await road.connect(connectTimeoutMs)
    const deadline = new Date(clock.now().getTime() + attemptTimeoutMs)
    await road.call({ path: PATH, bytes: QUESTION, metadata: new Metadata(), deadline, signal })
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    const failure = failureOf(error)
    if (!failure) throw error
    return failure
  } finally {
    road?.cut()
  }
}
