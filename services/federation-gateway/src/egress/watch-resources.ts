import type { HandlerContext } from '@connectrpc/connect'
import { Refusal, refusalOf } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type {
  WatchResourcesRequest,
  WatchResourcesResponse,
} from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { DECISION_ID } from '../door/visit.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import { checkAsAsked } from './as-asked.ts'
import { errandOf, objectionTo, peerCall, readAnswer, type CallParts, type Purpose } from './call-peer.ts'
import { failureOf, refusalFor } from './failures.ts'
import { OutCall, type OutParts } from './out-call.ts'

const method = FederationService.method.watchResources

/** The resources of a peer, then every change, for as long as the peer allows it and we are on speaking terms. */
export async function* forwardWatch(
  parts: CallParts & OutParts,
  request: WatchResourcesRequest,
  context: HandlerContext,
): AsyncGenerator<WatchResourcesResponse> {
  const wanted = { kind: request.kind, scope: 'read' } as const
  const errand = await errandOf(parts, method, context, wanted)
  const { route } = errand
  const out = new OutCall(parts, errand, { rpc: method.name, kind: request.kind, id: request.id, scope: 'read' })
  const terms = onSpeakingTerms(parts.table, route, { method: method.localName, wanted })
  try {
    const call = peerCall(parts, errand, { method, request })
    for (const [name, value] of Object.entries(await out.headers())) call.metadata.set(name, value)
    const signal = AbortSignal.any([context.signal, terms.signal])
    const { headers, answers } = await parts.outbound.stream(route, { ...call, leaving: out.leaving, signal })
    const [remoteId] = headers.get(DECISION_ID)
    await out.allowed(typeof remoteId === 'string' ? remoteId : '')
    for await (const bytes of answers) {
      const answer = readAnswer(method.output, bytes)
      if (answer.update.case === 'resource') checkAsAsked([answer.update.value], request)
      yield answer
    }
    throw new Refusal('SERVICE_UNAVAILABLE', 'the peer ended a stream that has no end', { retryAfterMs: 1_000 })
  } catch (error) {
    context.signal.throwIfAborted()
    terms.signal.throwIfAborted()
    throw await out.refused(asRefusal(error, route))
  } finally {
    terms.leave()
  }
}

/** Aborts, with the refusal, when the peer may not be called for this any more. */
export function onSpeakingTerms(table: PeerTable, { peerId }: PeerRoute, purpose: Purpose) {
  const ended = new AbortController()
  const leave = table.watch(({ before, after }) => {
    if (before?.peerId !== peerId) return
    const objection = objectionTo(after ?? before, purpose)
    if (!after || objection) ended.abort(objection)
  })
  return { signal: ended.signal, leave }
}

/** What ends a stream that had begun, in the words that a call which never began is refused with. */
export function asRefusal(error: unknown, { endpoints }: PeerRoute): unknown {
  if (refusalOf(error) === error) return error
  const failure = failureOf(error)
  return failure ? refusalFor([{ url: endpoints[0]?.url ?? 'the peer', failure }]) : error
}
