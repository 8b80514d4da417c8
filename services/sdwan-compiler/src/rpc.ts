import type { ServiceImpl } from '@connectrpc/connect'
import type { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { RpcDeps } from './rpc/door.ts'
import { intentHandlers } from './rpc/intent.ts'
import { keepingHandlers } from './rpc/keeping.ts'
import { lookingHandlers } from './rpc/looking.ts'
import { overlayHandlers } from './rpc/overlays.ts'
import { routingHandlers } from './rpc/routing.ts'
import { runHandlers } from './rpc/runs.ts'

/** Every RPC of the operators' service, joined of its parts. */
export const handlers = (deps: RpcDeps): ServiceImpl<typeof SdwanService> => ({
  ...intentHandlers(deps),
  ...lookingHandlers(deps),
  ...keepingHandlers(deps),
  ...routingHandlers(deps),
  ...overlayHandlers(deps),
  ...runHandlers(deps),
})
