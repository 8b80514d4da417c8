import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Client } from '@connectrpc/connect'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { Refusal, type RateLimit } from '@powernode/rpc'
import type { DoctorService } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { CallLimits } from '../limits.ts'
import { onward, passOn, peerOf, unary, type UnaryParts } from './unary.ts'

export type DiagnosisParts = UnaryParts & {
  readonly doctor: Pick<Client<typeof DoctorService>, 'diagnoseForPeer'>
  /** An examination asks half the platform: not for each call that a peer likes to make. */
  readonly diagnosesPerPeer: RateLimit
  readonly limits: Pick<CallLimits, 'diagnosisMs'>
}

/**
 * So many at once, whoever asks. Each asks half the platform and walks a road, and many peers that ask together, by agreement or
 * by the same release, are as much as one that asks without end.
 */
const AT_ONCE = 64

/**
 * How we see the peering with the caller. liveness answers; about whom MUST be what the certificate says. It needs no grant:
 * what it tells is the caller's own affair, and whatever is wrong it must be able to ask.
 *
 * Each answer takes the same time, however the road to the caller was found: a peer chooses the addresses that we then try, and
 * MUST NOT learn by how soon we are back which ports of our own network are open, closed or silent.
 */
export function diagnosisHandlers(parts: DiagnosisParts): Record<'diagnose', UntypedServiceImplementation[string]> {
  const { clock, limits } = parts
  let open = 0
  const diagnose = unary(parts, FederationService.method.diagnose, async (_request, asked) => {
    const { peerId } = peerOf(asked)
    if (open >= AT_ONCE)
      throw new Refusal('RATE_LIMITED', 'as many diagnoses are under way as are given at once', {
        retryAfterMs: limits.diagnosisMs,
      })
    const full = parts.diagnosesPerPeer.take(peerId)
    if (full)
      throw new Refusal('DIAGNOSIS_TOO_OFTEN', 'a peer may ask for a diagnosis once in ten seconds', {
        retryAfterMs: full.retryAfterMs,
      })
    open += 1
    const enough = clock.sleep(limits.diagnosisMs, asked.signal)
    try {
      const { checks } = await passOn(parts.doctor.diagnoseForPeer({ peerId }, onward(asked)))
      return { checks, at: timestampFromDate(clock.now()) }
    } finally {
      await enough
      open -= 1
    }
  })
  return { diagnose }
}
