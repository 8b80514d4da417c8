import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import type { CallersTable } from '@powernode/rpc'

const READ = ['system.federation.read'] as const
const SPAWN = ['system.federation.spawn'] as const
const GATEWAY = ['service/federation-gateway'] as const
const REGISTRY = ['service/peer-registry'] as const

/** Who may call each RPC. An RPC without a row does not compile. */
export const SPAWN_CALLERS = {
  spawnChild: SPAWN,
  getChild: READ,
  listChildren: [...READ, 'service/liveness'],
  watchSpawn: READ,
  terminateChild: SPAWN,
  rotateToken: SPAWN,
  resumeSpawn: SPAWN,
  promoteMember: SPAWN,
  failBack: SPAWN,
  rotateMemberCredential: SPAWN,
  listInstances: READ,
  getInstance: READ,
  restartInstance: SPAWN,
  terminateInstance: SPAWN,
  listOrphans: READ,
  createTemplate: SPAWN,
  listTemplates: READ,
  retireTemplate: SPAWN,
  createProvider: SPAWN,
  listProviders: READ,
  deleteProvider: SPAWN,
  prepareEnrollment: REGISTRY,
  reportClone: REGISTRY,
  enrollNode: GATEWAY,
  attendMember: GATEWAY,
} as const satisfies CallersTable<typeof SpawnService>
