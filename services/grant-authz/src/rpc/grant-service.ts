import type { ServiceImpl } from '@connectrpc/connect'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { bridgeHandlers } from './bridges.ts'
import { capabilityHandlers } from './capabilities.ts'
import { checkHandlers } from './check-grant.ts'
import type { GrantDeps } from './grant-door.ts'
import { oneGrantHandlers } from './grants.ts'
import { receivedHandlers } from './received-grants.ts'
import { reviewHandlers } from './reviews.ts'
import { manyGrantsHandlers } from './revoke-grants.ts'

/** Everything GrantAuthzService answers. */
export const grantHandlers = (deps: GrantDeps): ServiceImpl<typeof GrantAuthzService> => ({
  ...oneGrantHandlers(deps),
  ...manyGrantsHandlers(deps),
  ...checkHandlers(deps),
  ...bridgeHandlers(deps),
  ...capabilityHandlers(deps),
  ...receivedHandlers(deps),
  ...reviewHandlers(deps),
})
