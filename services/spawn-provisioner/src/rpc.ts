import type { ServiceImpl } from '@connectrpc/connect'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { bootHandlers } from './rpc/boot.ts'
import { childHandlers } from './rpc/children.ts'
import type { RpcDeps } from './rpc/door.ts'
import { instanceHandlers } from './rpc/instances.ts'
import { recordHandlers } from './rpc/records.ts'
import { spawnHandlers } from './rpc/spawns.ts'

/** Every RPC of the service, joined of its parts. */
export const handlers = (deps: RpcDeps): ServiceImpl<typeof SpawnService> => ({
  ...spawnHandlers(deps),
  ...childHandlers(deps),
  ...instanceHandlers(deps),
  ...recordHandlers(deps),
  ...bootHandlers(deps),
  ...deps.replication.handlers,
})
