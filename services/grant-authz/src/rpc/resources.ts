import type { ServiceImpl } from '@connectrpc/connect'
import type { ResourceService } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { requestOf, type CallersTable } from '@powernode/rpc'
import { requireOwn, unknownKind } from '../kind.ts'
import { updateResource } from '../operations/catalogue/update-resource.ts'
import { placeFrom, placeToken } from '../resource-page.ts'
import { resourceNotFound } from '../resource.ts'
import { watchResources, type WatchDeps } from '../resources/watch-resources.ts'
import * as kinds from '../store/kinds.ts'
import * as rules from '../store/residency-rules.ts'
import * as resources from '../store/resources.ts'
import type { GrantTx } from '../store/tables.ts'
import { recordFromWire, resourceToWire, type Defaults } from '../wire-resource.ts'
import { act, look } from './door.ts'
import { pageSize } from './page.ts'

const GATEWAY = ['service/federation-gateway'] as const

/** Who may call each RPC: the gateway alone, after it decided. What is answered is whole; it cuts out what peers see. */
export const RESOURCE_CALLERS = {
  listResources: GATEWAY,
  getResource: GATEWAY,
  updateResource: GATEWAY,
  watchResources: GATEWAY,
} as const satisfies CallersTable<typeof ResourceService>

export const resourceHandlers = (deps: WatchDeps): ServiceImpl<typeof ResourceService> => ({
  listResources: ({ kind, id, pageSize: size, pageToken }) =>
    look(deps, async (tx) => {
      const defaults = await ownDefaults(tx, kind)
      const last = placeFrom(pageToken, kind)
      const page =
        id === ''
          ? await resources.after(tx, { kind, last, limit: pageSize(size) })
          : { resources: one(await resources.find(tx, kind, id)), hasMore: false }
      return {
        resources: page.resources.map((resource) => resourceToWire(resource, defaults)),
        nextPageToken: placeToken(page.hasMore ? page.resources.at(-1) : undefined),
      }
    }),

  getResource: ({ kind, id }) =>
    look(deps, async (tx) => {
      const defaults = await ownDefaults(tx, kind)
      const resource = await resources.find(tx, kind, id)
      if (!resource) throw resourceNotFound(kind, id)
      return { resource: resourceToWire(resource, defaults) }
    }),

  updateResource: ({ kind, id, changes, ifRevision, peerId }, context) =>
    act(deps, async (tx, now) => {
      const { requestId, traceparent } = requestOf(context)
      const by = { actor: peerId === '' ? requestOf(context).actor : `peer/${peerId}`, requestId, traceparent }
      const said = { by, peerId, kind, id, changes: recordFromWire(changes), ifRevision: Number(ifRevision) }
      const resource = await updateResource(tx, now, said)
      return { resource: resourceToWire(resource, await ownDefaults(tx, kind)) }
    }),

  async *watchResources({ kind, id }, context) {
    const defaults = await look(deps, (tx) => ownDefaults(tx, kind))
    for await (const seen of watchResources(deps, { kind, id }, context.signal)) {
      if (seen === 'snapshot sent') yield { update: { case: 'snapshotSent', value: {} } }
      else if (seen.resource.removedAt) yield { update: { case: 'removedId', value: seen.resource.id } }
      else yield { update: { case: 'resource', value: resourceToWire(seen.resource, defaults) } }
    }
  },
})

/** What records of a kind are, unless they say otherwise; a refusal where the kind is not ours. */
async function ownDefaults(tx: GrantTx, name: string): Promise<Defaults> {
  const kind = await kinds.find(tx, name)
  if (!kind) throw unknownKind(name)
  requireOwn(kind)
  return { kinds: new Map([[name, kind]]), homeRegion: (await rules.settings(tx)).homeRegion }
}

const one = <T>(value: T | undefined): T[] => (value === undefined ? [] : [value])
