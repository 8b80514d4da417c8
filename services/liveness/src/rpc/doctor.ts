import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl, Transport } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import {
  checksForPeer,
  examinePeer,
  gatherForPeer,
  gatherPlatform,
  platformChecks,
  verdictOf,
  walkRoad,
  type Server,
  type Witnesses,
} from '@powernode/doctor'
import type { DoctorService } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { callerOf, isAgent, rateLimit, takeOfOperator, underway, type CallersTable } from '@powernode/rpc'
import { forAgents } from '@powernode/vitals'

/** Who may have something examined; and who passes on what a peer asks. */
export const DOCTOR_CALLERS = {
  examine: ['system.federation.read'],
  diagnoseForPeer: ['service/federation-gateway'],
} as const satisfies CallersTable<typeof DoctorService>

export type Road = (server: Server) => Transport

export type DoctorDeps = {
  readonly clock: Clock
  readonly servers: readonly Server[]
  readonly road: Road
  readonly witnesses: Witnesses
}

/** Well within what the gateway takes for its answer: how long the road took is nothing that a peer is told. */
const ROAD_FOR_A_PEER = durationFromMs(2_000)

/** So often one operator's token may have something examined: each asks every service, and walks the road to a peer. */
const EXAMINATIONS = 30
const EXAMINATIONS_SECONDS = 10

type About = { readonly peerId: string; readonly bothEnds: boolean; readonly byAgent: boolean }

/** The contract's limit (federation.v1.DiagnoseResponse). */
const TOLD_AT_MOST = 128

/** Evidence is gathered, judged by libs/doctor, and told: each check as it is done, the verdict last. */
export function doctorHandlers({ witnesses, ...deps }: DoctorDeps): ServiceImpl<typeof DoctorService> {
  const { clock } = deps

  async function* checksOf({ peerId, bothEnds, byAgent }: About, signal: AbortSignal): AsyncGenerator<Check> {
    if (peerId !== '') {
      yield* examinePeer(witnesses, { peerId, now: clock.now(), bothEnds }, signal)
      return
    }
    const evidence = await gatherPlatform(witnesses, deps, signal)
    const told = evidence.services.map(({ vitals, ...service }) =>
      vitals ? { ...service, vitals: forAgents(vitals) } : service,
    )
    yield* platformChecks(byAgent ? { ...evidence, services: told } : evidence)
  }

  const perOperator = rateLimit(EXAMINATIONS, EXAMINATIONS_SECONDS)
  const examined = underway<Check>()

  return {
    async *examine({ peerId, bothEnds }, context) {
      takeOfOperator(perOperator, context, 'examinations for one operator')
      const about = { peerId, bothEnds, byAgent: isAgent(callerOf(context)) }
      const checks: Check[] = []
      const begin = (until: AbortSignal) => checksOf(about, until)
      for await (const check of examined(JSON.stringify(about), begin, context.signal)) {
        checks.push(check)
        yield { part: { case: 'check', value: check } }
      }
      yield { part: { case: 'verdict', value: verdictOf(checks, clock.now()) } }
    },

    async diagnoseForPeer({ peerId }, { signal }) {
      const [evidence, road] = await Promise.all([
        gatherForPeer(witnesses, { peerId, now: clock.now() }, signal),
        walkRoad(witnesses, peerId, signal, ROAD_FOR_A_PEER),
      ])
      return { checks: checksForPeer(evidence, road).slice(0, TOLD_AT_MOST) }
    },
  }
}
