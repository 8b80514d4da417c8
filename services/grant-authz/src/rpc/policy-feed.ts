import type { ServiceImpl } from '@connectrpc/connect'
import type { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { GrantDeps } from './grant-door.ts'

/** How gateways come to know what peers may do. */
export const policyHandlers = ({ policyFeed }: Pick<GrantDeps, 'policyFeed'>): ServiceImpl<typeof PolicyService> => ({
  watchPolicy: (requests, { signal }) => policyFeed.follow(requests, signal),
})
