import { eitherOf, executor, type Executor } from '@powernode/approvals'
import {
  ChangeIntentRequestSchema,
  GiveOvnEndingUpRequestSchema,
  FailOverVirtualIpRequestSchema,
  RekeyNetworksRequestSchema,
} from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import {
  ComposeNetworkRequestSchema,
  IsolateTenantRequestSchema,
  RollBackRunRequestSchema,
} from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { ACTIONS } from '../intent/acts.ts'
import { beginRollBack } from '../operations/begin-run.ts'
import { changing } from '../rpc/acts/change.ts'
import { compose, COMPOSE, isolate, ISOLATE, ROLL_BACK } from '../rpc/acts/run.ts'
import { givingUp, rekeying } from '../rpc/keeping.ts'
import { FAIL_OVER, failing } from '../rpc/routing.ts'
import type { SdwanDeps } from '../sdwan-deps.ts'
import type { Tables } from '../store/tables.ts'

/** How each of our acts is carried out once it is approved: as its RPC does it, for whoever asked. */
export function executorsOf(deps: SdwanDeps): Readonly<Record<string, Executor<Tables>>> {
  const change = executor<Tables, typeof ChangeIntentRequestSchema>(
    ChangeIntentRequestSchema,
    async (tx, now, req, by) => {
      const { network } = await changing(deps, req, by)(tx, now)
      return async () => void deps.compiler.keep(network)
    },
  )
  const failOver = executor<Tables, typeof FailOverVirtualIpRequestSchema>(
    FailOverVirtualIpRequestSchema,
    async (tx, now, req, by) => {
      const { network } = await failing(deps, req, by)(tx, now)
      return async () => void deps.compiler.keep(network)
    },
  )
  const skill = eitherOf<Tables>(
    executor(ComposeNetworkRequestSchema, async (tx, now, req, by) => void (await compose(tx, now, { req, by }))),
    executor(IsolateTenantRequestSchema, async (tx, now, req, by) => void (await isolate(tx, now, { req, by }))),
    executor(RollBackRunRequestSchema, async (tx, now, { runId }) => void (await beginRollBack(tx, now, { runId }))),
  )
  // A skill falls under the policies of what it makes as well: approved is whichever demands most.
  const kept = eitherOf<Tables>(
    executor(GiveOvnEndingUpRequestSchema, async (tx, now, req, by) => {
      const { network } = await givingUp(deps, req, by)(tx, now)
      return async () => void deps.compiler.keep(network)
    }),
    executor(RekeyNetworksRequestSchema, async (tx, now, req, by) => {
      const { network } = await rekeying(deps, req, by)(tx, now)
      return async () => void deps.compiler.keep(network)
    }),
  )
  const either = eitherOf(change, skill, kept)
  return {
    ...Object.fromEntries(ACTIONS.map((action) => [action, either])),
    ...Object.fromEntries([COMPOSE, ISOLATE, ROLL_BACK].map((action) => [action, skill])),
    [FAIL_OVER]: failOver,
  }
}
