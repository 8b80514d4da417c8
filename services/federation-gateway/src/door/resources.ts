import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { isScope } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { Resource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { leaveFor } from '../decisions/leave.ts'
import { conceal, forbiddenChange, reveal } from '../owners/reveal.ts'
import type { ResourceParts } from './resource-parts.ts'
import { onward, unary } from './unary.ts'
import { watchResources } from './watch-resources.ts'

type ResourceMethod = 'listResources' | 'getResource' | 'updateResource' | 'watchResources' | 'checkAccess'

const { method } = FederationService

/**
 * What peers may ask of our resources: decided ▸ on record ▸ asked of the owner of the kind ▸ without what no peer sees,
 * and without what may not go where it would ▸ still allowed? ▸ answered.
 */
export function resourceHandlers(parts: ResourceParts): Record<ResourceMethod, UntypedServiceImplementation[string]> {
  const { decider, owners } = parts
  return {
    checkAccess: unary(parts, method.checkAccess, async ({ kind, id, scope }, asked) => {
      if (!isScope(scope)) throw new Refusal('REQUEST_INVALID', 'there is no such scope')
      const { decisionId } = await leaveFor(decider, asked, { rpc: 'CheckAccess', kind, id, scope })
      return { decisionId }
    }),

    listResources: unary(parts, method.listResources, async ({ kind, pageSize, pageToken }, asked) => {
      const leave = await leaveFor(decider, asked, { rpc: 'ListResources', kind, id: '', scope: 'read' })
      const { onlyId: id, peerId } = leave
      const page = await owners.ask(leave.kind, (owner) =>
        owner.listResources({ kind, id, pageSize, pageToken, peerId }, onward(asked)),
      )
      await leave.confirm()
      const resources = page.resources.filter((resource) => leave.covers(resource))
      return {
        resources: resources.map((resource) => reveal(resource, leave.kind.sensitiveFields)),
        nextPageToken: page.nextPageToken,
        decisionId: leave.decisionId,
      }
    }),

    getResource: unary(parts, method.getResource, async ({ kind, id }, asked) => {
      const leave = await leaveFor(decider, asked, { rpc: 'GetResource', kind, id, scope: 'read' })
      const { resource } = await owners.ask(leave.kind, (owner) =>
        owner.getResource({ kind, id, peerId: leave.peerId }, onward(asked)),
      )
      const found = asAsked(resource, kind, id)
      await leave.confirmRecord(found)
      await leave.confirm()
      return { resource: reveal(found, leave.kind.sensitiveFields), decisionId: leave.decisionId }
    }),

    updateResource: unary(parts, method.updateResource, async ({ kind, id, changes = {}, ifRevision }, asked) => {
      const leave = await leaveFor(decider, asked, { rpc: 'UpdateResource', kind, id, scope: 'write' })
      const forbidden = forbiddenChange(changes, leave.kind.sensitiveFields)
      if (forbidden !== undefined) {
        throw new Refusal('REQUEST_INVALID', 'a field that peers do not see is not set by them', {
          metadata: { field: forbidden, decision_id: leave.decisionId },
        })
      }
      const { resource } = await owners.ask(leave.kind, (owner) =>
        owner.updateResource({ kind, id, changes, ifRevision, peerId: leave.peerId }, onward(asked)),
      )
      const changed = asAsked(resource, kind, id)
      const shown = leave.shows(changed) ? changed : conceal(changed)
      return { resource: reveal(shown, leave.kind.sensitiveFields), decisionId: leave.decisionId }
    }),

    watchResources: watchResources(parts),
  }
}

/** An owner that answers with another record than the one asked for is broken, and that one was not decided about. */
function asAsked(resource: Resource | undefined, kind: string, id: string): Resource {
  if (resource?.kind === kind && resource.id === id) return resource
  throw new Error(`the owner of ${kind} answered with another resource than was asked for`)
}
