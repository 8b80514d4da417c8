import type { Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import {
  GrantSchema,
  NetworkBridgeSchema,
  type Grant,
  type NetworkBridge,
} from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { ResidencySchema, type Residency } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { plainApproval } from './approval-plan.ts'
import { plain } from './plain.ts'
import { factsOf } from './problem.ts'
import type { Session } from './session.ts'

/** What goes on between a peer and us beside the grants we gave: the first page of each is enough for one screen. */
export type Dealings = {
  /** Grants the peer gave us and that are good. */
  readonly received: readonly Grant[]
  readonly bridges: readonly NetworkBridge[]
  readonly residency: Residency | undefined
  readonly approvals: readonly Approval[]
  readonly unavailable: readonly string[]
}

const PAGE = { pageSize: 100 }

export async function dealingsWith({ clients }: Session, peerId: string): Promise<Dealings> {
  try {
    const [received, bridges, residencies, approvals] = await Promise.all([
      clients.grants.listReceivedGrants({ ...PAGE, peerId }),
      clients.grants.listBridges({ ...PAGE, peerId }),
      clients.residency.listResidencies({ peerId }),
      clients.approvals.listApprovals({ ...PAGE, peerId, states: ['pending'] }),
    ])
    return {
      received: received.grants.filter(({ status }) => status === 'active'),
      bridges: bridges.bridges.filter(({ state }) => state !== 'revoked'),
      residency: residencies.residencies.find((residency) => residency.peerId === peerId),
      approvals: approvals.approvals,
      unavailable: [],
    }
  } catch (error) {
    const unavailable = [`grant-authz: ${factsOf(error).message}`]
    return { received: [], bridges: [], residency: undefined, approvals: [], unavailable }
  }
}

export const plainDealings = ({ received, bridges, residency, approvals }: Dealings) => ({
  grants_received: received.map((grant) => plain(GrantSchema, grant)),
  bridges: bridges.map((bridge) => plain(NetworkBridgeSchema, bridge)),
  residency: residency ? plain(ResidencySchema, residency) : null,
  pending_approvals: approvals.map(plainApproval),
})
