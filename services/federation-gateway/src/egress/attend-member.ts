import { create, toBinary } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { Refusal } from '@powernode/rpc'
import type {
  AttendMemberRequest,
  AttendMemberResponse,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { errandOf, peerCall, readAnswer, type CallParts } from './call-peer.ts'
import { asRefusal, onSpeakingTerms } from './watch-resources.ts'

const method = FederationService.method.attendMember

/**
 * The standing line of a member of ours to its primary's platform: its words go out as they come, the orders come in, for
 * as long as the parent keeps the line and we are on speaking terms.
 */
export async function* forwardMember(
  parts: CallParts,
  requests: AsyncIterable<AttendMemberRequest>,
  context: HandlerContext,
): AsyncGenerator<AttendMemberResponse> {
  const errand = await errandOf(parts, method, context)
  const { route } = errand
  const terms = onSpeakingTerms(parts.table, route, { method: method.localName })
  try {
    const call = peerCall(parts, errand, { method, request: create(method.input) })
    const signal = AbortSignal.any([context.signal, terms.signal])
    const { answers } = await parts.outbound.talk(route, { ...call, signal }, asBytes(requests))
    for await (const bytes of answers) yield readAnswer(method.output, bytes)
    throw new Refusal('SERVICE_UNAVAILABLE', 'the parent ended the line of its member', { retryAfterMs: 1_000 })
  } catch (error) {
    context.signal.throwIfAborted()
    terms.signal.throwIfAborted()
    throw asRefusal(error, route)
  } finally {
    terms.leave()
  }
}

async function* asBytes(requests: AsyncIterable<AttendMemberRequest>): AsyncGenerator<Buffer> {
  for await (const request of requests) yield Buffer.from(toBinary(method.input, request))
}
