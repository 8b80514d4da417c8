import {
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { Metadata } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import { elapsed } from '@powernode/process'
import { Refusal, REQUEST_ID, requestOf, TRACEPARENT } from '@powernode/rpc'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { policyStale } from '../door/admission.ts'
import { kindObjection, versionObjection, type OfKind } from '../peers/by-version.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import type { Outbound } from './outbound.ts'
import type { PeerCall } from './peer-client.ts'

/** Names the peer to call: our own id of it. */
export const PEER_ID_HEADER = 'powernode-peer-id'

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
  notifyCompromise: [ACCEPTED, ...REACHABLE, SUSPENDED],
  diagnose: [ACCEPTED, ...REACHABLE],
  listResources: REACHABLE,
  getResource: REACHABLE,
  updateResource: REACHABLE,
  watchResources: REACHABLE,
  checkAccess: REACHABLE,
  notifyGrant: REACHABLE,
  notifyRelationship: REACHABLE,
  addCheckpoint: REACHABLE,
  addEntries: REACHABLE,
  readMirror: REACHABLE,
  listAuditExcerpts: REACHABLE,
  getReceipt: REACHABLE,
  enrollNode: REACHABLE,
  attendMember: REACHABLE,
  exchangeOverlay: [ACTIVE, DEGRADED],
}

export type CallParts = { readonly table: PeerTable; readonly outbound: Outbound; readonly clock: Clock }

/** What goes out with a message: further headers, whether it may reach the peer twice, and what is done before it leaves. */
export type Beside = Pick<PeerCall, 'repeatable' | 'leaving' | 'attemptTimeoutMs'> & {
  readonly headers?: Readonly<Record<string, string>>
}

/** One of ours with the peer it wants to call, which may be called for this now; and for a resource of which kind. */
export type Errand = { readonly route: PeerRoute; readonly context: HandlerContext; readonly wanted: Wanted }
type Wanted = OfKind | undefined

/** Which peer our caller means. A call of our own waits a moment for the lease on the peers. */
// oxlint-disable-next-line max-params -- with what, which call, whose, and for what
export async function errandOf(
  { table, clock }: CallParts,
  { localName }: DescMethod,
  context: HandlerContext,
  wanted?: Wanted,
): Promise<Errand> {
  await untilFresh(table, clock, context.signal)
  const peerId = context.requestHeader.get(PEER_ID_HEADER)
  return { route: routeFor(table, peerId, { method: localName, wanted }), context, wanted }
}

/** What is asked of a peer. */
export type Asking<I extends DescMessage, O extends DescMessage> = {
  readonly method: DescMethodUnary<I, O> | DescMethodServerStreaming<I, O> | DescMethodBiDiStreaming<I, O>
  readonly request: MessageShape<I>
}

/** Calls a peer over the border. */
// oxlint-disable-next-line max-params -- with what, for whom, what is asked, and what goes with it
export async function callPeer<I extends DescMessage, O extends DescMessage>(
  parts: CallParts,
  errand: Errand,
  asking: Asking<I, O>,
  beside: Beside = {},
): Promise<MessageShape<O>> {
  const call = { ...peerCall(parts, errand, asking), ...beside }
  for (const [name, value] of Object.entries(beside.headers ?? {})) call.metadata.set(name, value)
  return readAnswer(asking.method.output, await parts.outbound.call(errand.route, call))
}

/** A call as it goes over the border: with the request id and the trace of the one that it is made for. */
export function peerCall<I extends DescMessage, O extends DescMessage>(
  { clock, table }: CallParts,
  { context, route: { peerId }, wanted }: Errand,
  { method, request }: Asking<I, O>,
): PeerCall {
  const { requestId, traceparent } = requestOf(context)
  const metadata = new Metadata()
  metadata.set(REQUEST_ID, requestId)
  metadata.set(TRACEPARENT, traceparent)
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    bytes: Buffer.from(toBinary(method.input, request)),
    metadata,
    deadline: new Date(clock.now().getTime() + (context.timeoutMs() ?? DEFAULT_DEADLINE_MS)),
    signal: context.signal,
    objection: () => {
      if (!table.fresh) return policyStale()
      const route = table.peer(peerId)
      return route ? objectionTo(route, { method: method.localName, wanted }) : gone(peerId)
    },
  }
}

export function readAnswer<O extends DescMessage>(schema: O, bytes: Uint8Array): MessageShape<O> {
  try {
    return fromBinary(schema, bytes)
  } catch {
    throw new Refusal('PEER_UNREACHABLE', `the peer's answer cannot be read as a ${schema.typeName}`)
  }
}

const DEFAULT_DEADLINE_MS = 10_000

const PATIENCE_MS = 3_000
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
function routeFor(table: PeerTable, peerId: string | null, purpose: Purpose): PeerRoute {
  if (!peerId)
    throw new Refusal('REQUEST_INVALID', `the header ${PEER_ID_HEADER} names the peer to call, and is missing`)
  if (!table.fresh) throw policyStale()
  const route = table.peer(peerId)
  if (!route) throw gone(peerId)
  const objection = objectionTo(route, purpose)
  if (objection) throw objection
  return route
}

function gone(peerId: string): Refusal {
  return new Refusal('PEER_NOT_FOUND', `there is no peer ${peerId}`, { metadata: { peer_id: peerId } })
}

/** What a peer is called for. */
export type Purpose = { readonly method: string; readonly wanted?: Wanted }

/** Why a peer may not be called for this, as things stand; undefined: it may. */
export function objectionTo(route: PeerRoute, { method, wanted }: Purpose): Refusal | undefined {
  if (!isCalled(method) || !CALLED_IN[method].includes(route.state)) return refusalOfState(route, method)
  return versionObjection(route, method) ?? (wanted && kindObjection(route, wanted))
}

const isCalled = (method: string): method is keyof typeof CALLED_IN => Object.hasOwn(CALLED_IN, method)

function refusalOfState({ peerId, state }: PeerRoute, method: string): Refusal {
  const details = { metadata: { peer_id: peerId }, next: `fedctl peer show ${peerId}` }
  if (state === SUSPENDED)
    return new Refusal('PEER_SUSPENDED', `the peer is suspended here, so ${method} is not called`, details)
  if (state === REVOKED)
    return new Refusal('PEER_REVOKED', `the peer is revoked here, so ${method} is not called`, details)
  if (method === 'accept') return new Refusal('MOVE_NOT_ALLOWED', 'the peering was accepted already', details)
  return new Refusal('PEER_NOT_ENROLLED', `the peer is not enrolled here yet, so ${method} is not called`, details)
}
