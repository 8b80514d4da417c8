import type { Child } from '../child.ts'
import type { Instance } from '../instance.ts'
import type { InstanceType, ProviderRecord, Region, Template } from '../records.ts'
import type { Step } from '../step.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import * as providers from '../store/providers.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'
import * as templates from '../store/templates.ts'

/** A spawn as it stands, with all that its steps need. */
export type Spawn = {
  readonly child: Child
  readonly steps: readonly Step[]
  readonly instance: Instance
  readonly provider: ProviderRecord
  readonly region: Region
  readonly type: InstanceType
  readonly template: Template
}

export async function readSpawn(tx: SpawnTx, childId: string): Promise<Spawn> {
  const child = await children.find(tx, childId)
  if (!child) throw children.notFound(childId)
  const offer = (await providers.offers(tx)).find(({ provider }) => provider.id === child.providerId)
  const spawn = {
    child,
    steps: await steps.listOf(tx, childId),
    instance: await instances.find(tx, child.instanceId),
    provider: offer?.provider,
    region: offer?.regions.find(({ id }) => id === child.regionId),
    type: offer?.types.find(({ id }) => id === child.instanceTypeId),
    template: await templates.find(tx, child.templateId),
  }
  if (!spawn.instance || !spawn.provider || !spawn.region || !spawn.type || !spawn.template)
    throw new Error(`of child ${childId} a record is missing that it needs for as long as it lives`)
  return spawn as Spawn // each of them was looked for just now
}
