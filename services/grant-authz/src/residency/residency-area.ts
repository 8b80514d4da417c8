import type { Executor } from '@powernode/approvals'
import { inTransaction, type Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { CatalogueService, ResourceService } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { mount, type Mount } from '@powernode/rpc'
import type { Config } from '../config.ts'
import { declareKinds } from '../operations/catalogue/declare-kinds.ts'
import { beginResidency } from '../operations/residency/set-defaults.ts'
import { ResourceBell } from '../resources/resource-bell.ts'
import { CATALOGUE_CALLERS, catalogueHandlers } from '../rpc/catalogue.ts'
import { residencyExecutors } from '../rpc/residency-approved.ts'
import { RESIDENCY_CALLERS, residencyHandlers, type ResidencyDeps } from '../rpc/residency.ts'
import { RESOURCE_CALLERS, resourceHandlers } from '../rpc/resources.ts'
import type { Tables } from '../store/tables.ts'
import { sweepTerms } from '../sweeps/terms.ts'
import { readInventoryFile } from './read-inventory-file.ts'

export type ResidencyAreaDeps = ResidencyDeps & {
  readonly listener: Listener
  readonly logger: Logger
  readonly metrics: Metrics
}

export type ResidencyArea = {
  readonly mounts: readonly Mount[]
  /** Our own acts that may have to be approved, by action. */
  readonly executors: Readonly<Record<string, Executor<Tables>>>
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/** All that concerns residency and the catalogue in this process. The kinds there are is known before anybody calls. */
export async function openResidencyArea(
  deps: ResidencyAreaDeps,
  config: Pick<Config, 'homeRegion' | 'inventoryFile' | 'ownAddress'>,
): Promise<ResidencyArea> {
  const { db, clock, listener, metrics } = deps
  const inventory = await readInventoryFile(config.inventoryFile)
  const ownAddress = `${config.ownAddress.host}:${config.ownAddress.port}`
  await inTransaction(db, async (tx) => {
    await beginResidency(tx, clock.now(), { homeRegion: config.homeRegion })
    await declareKinds(tx, clock.now(), { inventory, ownAddress })
  })
  const bell = new ResourceBell(metrics)
  return {
    mounts: [
      mount(ResidencyService, residencyHandlers(deps), RESIDENCY_CALLERS),
      mount(CatalogueService, catalogueHandlers(deps), CATALOGUE_CALLERS),
      mount(ResourceService, resourceHandlers({ ...deps, bell }), RESOURCE_CALLERS),
    ],
    executors: residencyExecutors(deps),
    tasks: [(signal) => bell.run(listener, signal), (signal) => sweepTerms(deps, signal)],
  }
}
