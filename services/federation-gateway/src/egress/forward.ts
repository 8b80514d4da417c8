import { fromBinary, toBinary, type DescMethodUnary, type MessageShape, type DescMessage } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { Metadata } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import { elapsed, type Metrics } from '@powernode/process'
import { Refusal, REQUEST_ID, requestOf, TRACEPARENT, type CallersTable } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { policyStale } from '../door/admission.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import type { Outbound } from './outbound.ts'

/** Names the peer to call: our own id of it. */
export const PEER_ID_HEADER = 'powernode-peer-id'

/**
 * Who may call out through us. What belongs to the peering itself is said by the services that know why; operators read
 * and change what peers share with us.
 */
export const CALLERS: CallersTable<typeof FederationService> = {
  accept: ['service/peer-registry'],
  heartbeat: ['service/liveness'],
  getTrustBundle: ['service/peer-registry'],
  publishTrustBundle: ['service/peer-registry'],
  renewCertificate: ['service/peer-registry'],
  notifyRevocation: ['service/peer-registry'],
  listResources: ['system.federation.read'],
  getResource: ['system.federation.read'],
  updateResource: ['system.federation_resources.manage'],
  watchResources: ['system.federation.read'],
  checkAccess: ['system.federation.read'],
  notifyGrant: ['service/grant-authz'],
  notifyRelationship: ['service/peer-registry'],
}

const { PROPOSED, ACCEPTED, ENROLLED, ACTIVE, DEGRADED, SUSPENDED, REVOKED } = PeerState
const REACHABLE = [ENROLLED, ACTIVE, DEGRADED] as const

/** In which states we call a peer for what. The last notice goes to those that are revoked already. */
const CALLED_IN: Readonly<Record<keyof typeof FederationService.method, readonly PeerState[]>> = {
  accept: [PROPOSED, ACCEPTED],
  heartbeat: [ACCEPTED, ...REACHABLE],
  getTrustBundle: REACHABLE,
  publishTrustBundle: REACHABLE,
  renewCertificate: REACHABLE,
  notifyRevocation: [ACCEPTED, ...REACHABLE, SUSPENDED, REVOKED],
}

export type ForwardParts = {
  readonly table: PeerTable
  readonly outbound: Outbound
  readonly clock: Clock
  readonly metrics: Metrics
}

/** Calls of our own services to peers: which peer ▸ may it be called so ▸ over the border, with the same request id and trace. */
export function forwarders(parts: ForwardParts): ServiceImpl<typeof FederationService> {
  const { method } = FederationService
  const calls = parts.metrics.counter('fed_gateway_outbound_calls_total', 'Calls to peers by outcome', [
    'rpc',
    'outcome',
  ])
  const duration = parts.metrics.histogram(
    'fed_gateway_outbound_call_duration_seconds',
    'How long calls to peers took',
    ['rpc'],
  )

  function forward<I extends DescMessage, O extends DescMessage>(desc: DescMethodUnary<I, O>) {
    return async (request: MessageShape<I>, context: HandlerContext): Promise<MessageShape<O>> => {
      const rpc = `${desc.parent.typeName}/${desc.name}`
      const time = elapsed()
      try {
        const answer = await callPeer(parts, desc, request, context)
        calls.inc({ rpc, outcome: 'ok' })
        return answer
      } catch (error) {
        calls.inc({ rpc, outcome: error instanceof Refusal ? error.reason : 'fault' })
        throw error
      } finally {
        duration.observe({ rpc }, time() / 1_000)
      }
    }
  }

  return {
    accept: forward(method.accept),
    heartbeat: forward(method.heartbeat),
    getTrustBundle: forward(method.getTrustBundle),
    publishTrustBundle: forward(method.publishTrustBundle),
    renewCertificate: forward(method.renewCertificate),
    notifyRevocation: forward(method.notifyRevocation),
  }
}

async function callPeer<I extends DescMessage, O extends DescMessage>(
  { table, outbound, clock }: ForwardParts,
  method: DescMethodUnary<I, O>,
  request: MessageShape<I>,
  context: HandlerContext,
): Promise<MessageShape<O>> {
  await untilFresh(table, clock, context.signal)
  const route = routeFor(table, context.requestHeader.get(PEER_ID_HEADER), method.localName)
  const { requestId, traceparent } = requestOf(context)
  const metadata = new Metadata()
  metadata.set(REQUEST_ID, requestId)
  metadata.set(TRACEPARENT, traceparent)
  const bytes = await outbound.call(route, {
    path: `/${method.parent.typeName}/${method.name}`,
    bytes: Buffer.from(toBinary(method.input, request)),
    metadata,
    deadline: new Date(clock.now().getTime() + (context.timeoutMs() ?? DEFAULT_DEADLINE_MS)),
    signal: context.signal,
  })
  try {
    return fromBinary(method.output, bytes)
  } catch {
    throw new Refusal('PEER_UNREACHABLE', `the peer's answer cannot be read as a ${method.output.typeName}`)
  }
}

const DEFAULT_DEADLINE_MS = 10_000

const PATIENCE_MS = 1_000
const LOOK_EVERY_MS = 20

/**
 * Waits a moment for the lease on the peers: when peer-registry shows a new certificate the feed begins anew, and a call
 * of our own can wait for that. Calls of peers are not kept waiting; they repeat what they are told is for now.
 */
async function untilFresh(table: PeerTable, clock: Clock, signal: AbortSignal): Promise<void> {
  const waited = elapsed()
  while (!table.fresh && waited() < PATIENCE_MS && !signal.aborted) await clock.sleep(LOOK_EVERY_MS, signal)
}

/** The peer meant, when it may be called for this now. */
function routeFor(table: PeerTable, peerId: string | null, method: string): PeerRoute {
  if (!peerId)
    throw new Refusal('REQUEST_INVALID', `the header ${PEER_ID_HEADER} names the peer to call, and is missing`)
  if (!table.fresh) throw policyStale()
  const route = table.peer(peerId)
  if (!route) throw new Refusal('PEER_NOT_FOUND', `there is no peer ${peerId}`, { metadata: { peer_id: peerId } })
  const states = Object.hasOwn(CALLED_IN, method) ? CALLED_IN[method as keyof typeof CALLED_IN] : [] // just checked
  if (!states.includes(route.state)) throw refusalOfState(route, method)
  return route
}

function refusalOfState({ peerId, state }: PeerRoute, method: string): Refusal {
  const details = { metadata: { peer_id: peerId }, next: `fedctl peer show ${peerId}` }
  if (state === SUSPENDED)
    return new Refusal('PEER_SUSPENDED', `the peer is suspended here, so ${method} is not called`, details)
  if (state === REVOKED)
    return new Refusal('PEER_REVOKED', `the peer is revoked here, so ${method} is not called`, details)
  if (method === 'accept') return new Refusal('MOVE_NOT_ALLOWED', 'the peering was accepted already', details)
  return new Refusal('PEER_NOT_ENROLLED', `the peer is not enrolled here yet, so ${method} is not called`, details)
}
