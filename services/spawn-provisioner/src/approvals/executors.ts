import { executor, type Executor } from '@powernode/approvals'
import type { GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SpawnChildRequestSchema, TerminateChildRequestSchema } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { SPAWN, spawn, type Asked } from '../rpc/acts/spawn.ts'
import { TERMINATE, terminate } from '../rpc/acts/terminate.ts'
import type { Tables } from '../store/tables.ts'

type Deps = {
  readonly limits: Asked['limits']
  /** Ourselves, as our registry last said; undefined until it has. */
  readonly platform: () => GetPlatformResponse | undefined
}

/** How each of our acts is carried out once it is approved: as its RPC does it, for whoever asked. */
export const executorsOf = ({ limits, platform }: Deps): Readonly<Record<string, Executor<Tables>>> => ({
  [SPAWN]: executor(SpawnChildRequestSchema, async (tx, now, req, by) => {
    const ourselves = platform()
    // A fault, not a refusal: it is tried again when we know who we are.
    if (!ourselves) throw new Error('peer-registry has not said yet where we are reached')
    await spawn(tx, now, { by, req, platform: ourselves, limits })
  }),
  [TERMINATE]: executor(
    TerminateChildRequestSchema,
    async (tx, now, req, by) => void (await terminate(tx, now, { by, req })),
  ),
})
