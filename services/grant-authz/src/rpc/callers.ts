import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { CallersTable } from '@powernode/rpc'

const READ = ['system.federation.read'] as const
const MANAGE = ['system.federation_grants.manage'] as const
const GATEWAY = ['service/federation-gateway'] as const

/** Who may call each RPC. An RPC without a row does not compile. */
export const GRANT_CALLERS = {
  createGrant: MANAGE,
  listGrants: READ,
  getGrant: READ,
  updateGrant: MANAGE,
  renewGrant: MANAGE,
  revokeGrant: MANAGE,
  revokeGrants: MANAGE,
  checkGrant: READ,
  proposeBridge: MANAGE,
  moveBridge: MANAGE,
  listBridges: READ,
  listCapabilities: READ,
  setCapability: MANAGE,
  getGrantSettings: READ,
  setGrantSettings: MANAGE,
  listReceivedGrants: READ,
  receiveGrantNotice: GATEWAY,
  reviewPeer: ['service/peer-registry'],
  chooseReceivedGrant: GATEWAY,
} as const satisfies CallersTable<typeof GrantAuthzService>

/** The policy names every grant of every peer, and the digests of their secrets. */
export const POLICY_CALLERS = { watchPolicy: GATEWAY } as const satisfies CallersTable<typeof PolicyService>
