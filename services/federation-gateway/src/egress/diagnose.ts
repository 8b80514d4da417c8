import type { HandlerContext } from '@connectrpc/connect'
import { Refusal, refuseInvalid } from '@powernode/rpc'
import {
  DiagnoseResponseSchema,
  type DiagnoseRequest,
  type DiagnoseResponse,
} from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { callPeer, errandOf, type CallParts } from './call-peer.ts'

const method = FederationService.method.diagnose
/** A diagnosis takes its time over there: they ask half their platform, and walk the road to us. */
const ATTEMPT_MS = 15_000

/**
 * Asks a peer how it sees the two of us. Somebody wants to know that now, so a circuit that is open is no answer, and neither is
 * a connection that was there before. It is asked once: whoever repeats it within ten seconds is told only that.
 */
export async function forwardDiagnose(
  parts: CallParts,
  request: DiagnoseRequest,
  context: HandlerContext,
): Promise<DiagnoseResponse> {
  const errand = await errandOf(parts, method, context)
  parts.outbound.heard(errand.route.peerId)
  const answer = await callPeer(parts, errand, { method, request }, { repeatable: false, attemptTimeoutMs: ATTEMPT_MS })
  return inBounds(answer)
}

/** What a peer tells ends before our operators' eyes: it is no longer, and no other, than the contract allows. */
function inBounds(answer: DiagnoseResponse): DiagnoseResponse {
  try {
    refuseInvalid(DiagnoseResponseSchema, answer)
    return answer
  } catch (error) {
    const why = error instanceof Error ? error.message : ''
    throw new Refusal('PEER_UNREACHABLE', `the peer's diagnosis is not one by the contract: ${why}`)
  }
}
