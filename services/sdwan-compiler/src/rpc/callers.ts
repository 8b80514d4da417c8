import type { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { CallersTable } from '@powernode/rpc'

const READ = ['system.federation.read'] as const
const MANAGE = ['system.sdwan.manage'] as const
const NODE = ['instance'] as const

/** Who may call each RPC. An RPC without a row does not compile. */
export const SDWAN_CALLERS = {
  changeIntent: MANAGE,
  // The accepting skill looks which network and node a peer is to be met at.
  listIntent: [...READ, 'service/peer-registry', 'service/liveness'],
  getIntent: [...READ, 'service/peer-registry'],
  failOverVirtualIp: MANAGE,
  previewPrefixAccess: READ,
  explain: READ,
  runTests: READ,
  compileNode: READ,
  getTopology: READ,
  getRoutingSummary: [...READ, 'service/liveness'],
  listNodes: [...READ, 'service/liveness'],
  composeNetwork: MANAGE,
  isolateTenant: MANAGE,
  listRuns: [...READ, 'service/liveness'],
  getRun: READ,
  rollBackRun: MANAGE,
  giveOvnEndingUp: MANAGE,
  rekeyNetworks: MANAGE,
  listProblems: [...READ, 'service/liveness'],
  receiveOverlay: ['service/federation-gateway'],
} as const satisfies CallersTable<typeof SdwanService>

/** Nodes alone: each sees and says what is its own, by the uuid in its certificate. */
export const NODE_CALLERS = {
  watchDesiredState: NODE,
  registerKeys: NODE,
  confirmState: NODE,
  reportNode: NODE,
} as const satisfies CallersTable<typeof NodeNetworkService>
