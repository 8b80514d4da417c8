import type { Client } from '@connectrpc/connect'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'

/** The services that the skill has something done by, each with no more than is asked of it. */
export type AcceptanceNeighbours = {
  readonly grants: Pick<Client<typeof GrantAuthzService>, 'reviewPeer' | 'listBridges' | 'proposeBridge' | 'moveBridge'>
  readonly network: Pick<Client<typeof SdwanService>, 'getIntent' | 'listIntent'>
  readonly governance: Pick<Client<typeof GovernanceService>, 'scanGovernance'>
}
