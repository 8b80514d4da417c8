import type { JsonObject } from '@bufbuild/protobuf'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { InstanceType, ProviderRecord, Region, Template } from '../records.ts'
import * as children from '../store/children.ts'
import * as orphans from '../store/orphans.ts'
import * as providers from '../store/providers.ts'
import type { SpawnTx } from '../store/tables.ts'
import * as templates from '../store/templates.ts'
import { checkSpec } from '../template-spec.ts'
import type { By } from './tell.ts'

/** What children are made of is written down. */
export async function createTemplate(
  tx: SpawnTx,
  now: Date,
  said: { readonly by: By; readonly name: string; readonly description: string; readonly spec: JsonObject },
): Promise<Template> {
  const { by, name, description, spec } = said
  checkSpec(spec)
  const template: Template = {
    id: newId(now),
    name,
    description,
    spec,
    createdBy: by.actor,
    createdAt: now,
    retiredAt: null,
    revision: 1,
  }
  if (!(await templates.insert(tx, template)))
    throw new Refusal('SPAWN_RECORD_EXISTS', `a template is called ${name}`, { next: 'fedctl template list' })
  return template
}

/** A template makes no new children. Those it made, and those under way, are as they were. */
export async function retireTemplate(tx: SpawnTx, now: Date, named: string): Promise<Template> {
  const template = await templates.find(tx, named)
  if (!template) throw new Refusal('TEMPLATE_NOT_FOUND', `no template is ${named}`, { next: 'fedctl template list' })
  if (template.retiredAt !== null) return template
  await templates.retire(tx, template, now)
  return { ...template, retiredAt: now, revision: template.revision + 1 }
}

export type ProviderWanted = {
  readonly by: By
  readonly name: string
  readonly kind: string
  readonly config: JsonObject
  readonly regions: readonly Pick<Region, 'name' | 'residency'>[]
  readonly types: readonly Omit<InstanceType, 'id' | 'providerId'>[]
  /** Throws a Refusal for a kind that is not made here, and for a configuration without sense. */
  readonly judge: (record: ProviderRecord) => void
}

/** Where children can be made is written down, with what it offers: one region and one size, if it does not say. */
export async function createProvider(tx: SpawnTx, now: Date, wanted: ProviderWanted): Promise<providers.Offer> {
  const { by, name, kind, config, judge } = wanted
  const provider: ProviderRecord = {
    id: newId(now),
    name,
    kind,
    config,
    status: '',
    createdBy: by.actor,
    createdAt: now,
    revision: 1,
  }
  judge(provider)
  const regions = (wanted.regions.length > 0 ? wanted.regions : [{ name: 'local', residency: '' }]).map((region) => ({
    ...region,
    id: newId(now),
    providerId: provider.id,
  }))
  const types = (wanted.types.length > 0 ? wanted.types : [SMALL]).map((type) => ({
    ...type,
    id: newId(now),
    providerId: provider.id,
  }))
  for (const [what, list] of Object.entries({ region: regions, 'instance type': types }))
    if (new Set(list.map((one) => one.name)).size < list.length)
      throw new Refusal('SPAWN_RECORD_EXISTS', `${name} would have two of one ${what}`)
  if (!(await providers.insert(tx, { provider, regions, types })))
    throw new Refusal('SPAWN_RECORD_EXISTS', `a provider is called ${name}`, { next: 'fedctl provider list' })
  return { provider, regions, types }
}

const SMALL = { name: 'small', cpus: 1, memoryBytes: 1_073_741_824, diskBytes: 4_294_967_296 }

/** A provider is forgotten. One that runs something of ours is not: nobody could end it any more. */
export async function deleteProvider(tx: SpawnTx, _now: Date, named: string): Promise<void> {
  await children.takeTurn(tx)
  const provider = await providers.resolve(tx, named)
  const needing = await children.needing(tx, 'provider_id', provider.id)
  if (needing !== undefined)
    throw new Refusal('SPAWN_RECORD_IN_USE', `the child ${needing} is made by ${provider.name}`, {
      next: `fedctl child terminate ${needing}`,
    })
  const left = (await orphans.list(tx)).find(({ providerId }) => providerId === provider.id)
  if (left)
    throw new Refusal('SPAWN_RECORD_IN_USE', `${provider.name} still runs ${left.name}`, {
      next: `fedctl instance terminate ${left.name}`,
    })
  await providers.remove(tx, provider.id)
}
