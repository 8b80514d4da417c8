import type { Client } from '@connectrpc/connect'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { Clock } from '@powernode/clock'
import type { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
import type { Probe } from '../diary.ts'
import { line } from '../own-beat.ts'
import type { Probed } from '../remediation/types.ts'

export type Roads = Pick<Client<typeof GatewayService>, 'probePeer'>
export type ProbeResult = { readonly probed: Probed; readonly probes: readonly Probe[] }

/** A peer has so long to answer under any of its endpoints. */
const PROBE_MS = 15_000

/**
 * Tries every endpoint of a peer through our gateway; never throws.
 *
 * A gateway that does not answer, or does not know the peer, says nothing of the peer: that is `impossible`, and no reason to
 * degrade anybody. In what words a peer refuses it chooses itself: it MUST NOT choose some that the diary cannot hold, or nothing
 * would ever be decided of it.
 */
export async function probePeer(
  { roads, clock }: { roads: Roads; clock: Clock },
  peerId: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  try {
    const { endpoints } = await roads.probePeer({ peerId }, { timeoutMs: PROBE_MS, signal })
    const probes = endpoints.map(({ url, reachable, detail, at }) => ({
      url: line(url),
      reachable,
      detail: line(detail),
      at: at ? timestampDate(at) : clock.now(),
    }))
    return { probed: probes.some(({ reachable }) => reachable) ? 'reachable' : 'unreachable', probes }
  } catch (error) {
    const refusal = refusalOf(error)
    const detail = refusal ? `${refusal.reason}: ${refusal.message}` : 'SERVICE_UNAVAILABLE: our gateway did not answer'
    return { probed: 'impossible', probes: [{ url: '', reachable: false, detail: line(detail), at: clock.now() }] }
  }
}
