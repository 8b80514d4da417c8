import type { ServiceImpl } from '@connectrpc/connect'
import { inTransaction } from '@powernode/postgres'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal, requestOf } from '@powernode/rpc'
import { createProvider, createTemplate, deleteProvider, retireTemplate } from '../operations/keep-records.ts'
import { limited } from '../saga/limited.ts'
import { reasonOf } from '../saga/failure.ts'
import type { ProviderRecord } from '../records.ts'
import * as providers from '../store/providers.ts'
import * as templates from '../store/templates.ts'
import { providerToWire, regionToWire, templateToWire, typeToWire } from '../wire.ts'
import { actOrRehearse, look, type RpcDeps } from './door.ts'

type Handlers = Pick<
  ServiceImpl<typeof SpawnService>,
  'createTemplate' | 'listTemplates' | 'retireTemplate' | 'createProvider' | 'listProviders' | 'deleteProvider'
>

const READY_MS = 10_000

/** What children are made of, and by whom. */
export const recordHandlers = (deps: RpcDeps): Handlers => ({
  createTemplate: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { name, description, spec = {} } = req
      return {
        template: templateToWire(await createTemplate(tx, now, { by: requestOf(context), name, description, spec })),
      }
    }),

  listTemplates: (req) =>
    look(deps, async (tx) => ({ templates: (await templates.list(tx, req)).map(templateToWire) })),

  retireTemplate: (req) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => ({
      template: templateToWire(await retireTemplate(tx, now, req.template)),
    })),

  async createProvider(req, context) {
    const { name, kind, config = {}, regions, instanceTypes } = req
    const made = await actOrRehearse(deps, req.dryRun, (tx, now) =>
      createProvider(tx, now, {
        by: requestOf(context),
        name,
        kind,
        config,
        regions: regions.map((region) => ({ name: named(region.name, 'region'), residency: region.residency })),
        types: instanceTypes.map((type) => ({
          name: named(type.name, 'instance type'),
          cpus: atLeastOne(type.cpus, `cpus of ${type.name}`),
          memoryBytes: atLeastOne(bytes(type.memoryBytes), `bytes of memory of ${type.name}`),
          diskBytes: bytes(type.diskBytes),
        })),
        judge: (record) => void deps.providers.of(record),
      }),
    )
    const provider = req.dryRun ? made.provider : await withStatus(deps, made.provider, context.signal)
    return {
      provider: providerToWire(provider),
      regions: made.regions.map(regionToWire),
      instanceTypes: made.types.map(typeToWire),
    }
  },

  listProviders: () =>
    look(deps, async (tx) => {
      const offers = await providers.offers(tx)
      return {
        providers: offers.map(({ provider }) => providerToWire(provider)),
        regions: offers.flatMap((offer) => offer.regions.map(regionToWire)),
        instanceTypes: offers.flatMap((offer) => offer.types.map(typeToWire)),
      }
    }),

  deleteProvider: (req) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      await deleteProvider(tx, now, req.provider)
      return {}
    }),
})

/** Whether it is ready is found out at once, so that whoever wrote it down sees what is missing. */
async function withStatus(deps: RpcDeps, record: ProviderRecord, signal: AbortSignal): Promise<ProviderRecord> {
  const { db, clock } = deps
  const ask = (until: AbortSignal) => deps.providers.of(record).ready(until)
  const status = await limited({ clock, ms: READY_MS, what: record.name }, ask, signal).then(
    (why) => why ?? 'ready',
    reasonOf,
  )
  await inTransaction(db, (tx) => providers.noteStatus(tx, record.id, status))
  return { ...record, status }
}

function named(name: string, what: string): string {
  if (name.length >= 1 && name.length <= 128) return name
  throw new Refusal('REQUEST_INVALID', `a ${what} has a name of 1 to 128 characters`)
}

function atLeastOne(said: number, what: string): number {
  if (said >= 1) return said
  throw new Refusal('REQUEST_INVALID', `${what}: ${said} make no machine`)
}

function bytes(said: bigint): number {
  if (said >= 0n && said <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(said)
  throw new Refusal('REQUEST_INVALID', `${said} is no number of bytes`)
}
