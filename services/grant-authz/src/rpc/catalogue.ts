import type { ServiceImpl } from '@connectrpc/connect'
import type { CatalogueService } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { callerOf, callerText, Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import { KIND_LEASE_MS } from '../kind.ts'
import { putResource, removeResource } from '../operations/catalogue/put-resource.ts'
import { registerKinds } from '../operations/catalogue/register-kinds.ts'
import { placeFrom, placeToken } from '../resource-page.ts'
import * as kinds from '../store/kinds.ts'
import * as rules from '../store/residency-rules.ts'
import * as resources from '../store/resources.ts'
import type { GrantTx } from '../store/tables.ts'
import { kindToWire, recordFromWire, resourceToWire, type Defaults } from '../wire-resource.ts'
import { act, actOrRehearse, look, type DoorDeps } from './door.ts'
import { pageSize } from './page.ts'

/** Services of the platform itself. Whoever broke into one of them must not answer for resources by it. */
const WITHOUT_KINDS: ReadonlySet<string> = new Set(
  ['peer-registry', 'federation-gateway', 'liveness', 'audit-ledger', 'operator-gateway', 'nats'].map(
    (name) => `service/${name}`,
  ),
)

const READ = ['system.federation.read'] as const
const MANAGE = ['system.federation_resources.manage'] as const

/** Who may call each RPC. Whatever service of ours has kinds may say so; which kinds there are, the inventory says. */
export const CATALOGUE_CALLERS = {
  listKinds: READ,
  registerKinds: ['service/*'],
  putResource: MANAGE,
  removeResource: MANAGE,
  listOwnResources: READ,
} as const satisfies CallersTable<typeof CatalogueService>

export const catalogueHandlers = (deps: DoorDeps): ServiceImpl<typeof CatalogueService> => ({
  listKinds: () => look(deps, async (tx) => ({ kinds: (await kinds.all(tx)).map(kindToWire) })),

  async registerKinds({ kinds: names, address }, context) {
    const service = callerText(callerOf(context))
    if (WITHOUT_KINDS.has(service)) throw new Refusal('CALLER_NOT_ALLOWED', `${service} has no kinds of its own`)
    if (!/^[^\s/]+:\d{1,5}$/.test(address)) throw new Refusal('REQUEST_INVALID', 'an address is host:port')
    await act(deps, (tx, now) => registerKinds(tx, now, { names, service, address }))
    return { leaseMs: KIND_LEASE_MS }
  },

  putResource: ({ kind, id, record, region, dataClass, ifRevision, dryRun }, context) =>
    actOrRehearse(deps, dryRun, async (tx, now) => {
      const said = { by: requestOf(context), kind, id, record: recordFromWire(record), ifRevision: Number(ifRevision) }
      if (!DATA_CLASS.test(dataClass)) throw new Refusal('REQUEST_INVALID', `${dataClass} is no class of data`)
      const resource = await putResource(tx, now, { ...said, region: region || undefined, dataClass })
      return { resource: resourceToWire(resource, await defaultsOf(tx)) }
    }),

  removeResource: ({ kind, id, dryRun }, context) =>
    actOrRehearse(deps, dryRun, async (tx, now) => {
      await removeResource(tx, now, { by: requestOf(context), kind, id })
      return {}
    }),

  listOwnResources: ({ kind, pageSize: size, pageToken }) =>
    look(deps, async (tx) => {
      const page = await resources.after(tx, { kind, last: placeFrom(pageToken, kind), limit: pageSize(size) })
      const defaults = await defaultsOf(tx)
      return {
        resources: page.resources.map((resource) => resourceToWire(resource, defaults)),
        nextPageToken: placeToken(page.hasMore ? page.resources.at(-1) : undefined),
      }
    }),
})

const DATA_CLASS = /^([a-z0-9][a-z0-9._-]{0,63})?$/

async function defaultsOf(tx: GrantTx): Promise<Defaults> {
  const known = await kinds.all(tx)
  const { homeRegion } = await rules.settings(tx)
  return { kinds: new Map(known.map((kind) => [kind.kind, kind])), homeRegion }
}
