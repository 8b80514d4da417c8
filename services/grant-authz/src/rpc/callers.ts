import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { CallersTable } from '@powernode/rpc'

const READ = ['system.federation.read'] as const
const MANAGE = ['system.federation_grants.manage'] as const
const GATEWAY = ['service/federation-gateway'] as const

/** Who may call each RPC. An RPC without a row does not compile. */
export const GRANT_CALLERS = {
  createGrant: MANAGE,
  // Reviews: what each peer may do, and how its resources travel.
  listGrants: [...READ, 'service/liveness'],
  getGrant: READ,
  updateGrant: MANAGE,
  renewGrant: MANAGE,
  revokeGrant: MANAGE,
  revokeGrants: MANAGE,
  checkGrant: READ,
  // The accepting skill lets a peer onto a network, as it was approved.
  proposeBridge: [...MANAGE, 'service/peer-registry'],
  moveBridge: [...MANAGE, 'service/peer-registry'],
  listBridges: [...READ, 'service/peer-registry'],
  listCapabilities: [...READ, 'service/liveness'],
  setCapability: MANAGE,
  getGrantSettings: READ,
  setGrantSettings: MANAGE,
  listReceivedGrants: [...READ, 'service/liveness'],
  receiveGrantNotice: GATEWAY,
  reviewPeer: ['service/peer-registry', 'service/node-agent'],
  chooseReceivedGrant: GATEWAY,
} as const satisfies CallersTable<typeof GrantAuthzService>

/** The policy names every grant of every peer, and the digests of their secrets. */
export const POLICY_CALLERS = { watchPolicy: GATEWAY } as const satisfies CallersTable<typeof PolicyService>
