import { clone, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { newId } from '@powernode/postgres'
import {
  ComposeNetworkRequestSchema,
  IsolateTenantRequestSchema,
  type ComposeNetworkRequest,
  type IsolateTenantRequest,
} from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import type { By } from '../../by.ts'
import { checkCompose, composeSteps } from '../../compose-plan.ts'
import { checkIsolate, isolateSteps } from '../../isolate-plan.ts'
import { beginRun, type Begun } from '../../operations/begin-run.ts'
import * as runs from '../../store/runs.ts'
import type { SdwanTx } from '../../store/tables.ts'
import { composeFromWire, isolateFromWire } from '../../wire-run.ts'

/** The policies of the skills themselves; what they make falls under its own as well, and the strictest of them governs. */
export const COMPOSE = 'sdwan.federation_compose'
export const ISOLATE = 'sdwan.multi_tenant_isolation'
export const ROLL_BACK = 'sdwan.run_roll_back'

type Said<Req> = { readonly req: Req; readonly by: By; readonly dueAt?: Date }

/** Begins a composition, as its RPC and an approval do. Which nodes there are is asked before: a verb can ask nobody. */
export async function compose(tx: SdwanTx, now: Date, { req, by, dueAt }: Said<ComposeNetworkRequest>): Promise<Begun> {
  const said = composeFromWire(req)
  checkCompose(said)
  return beginRun(tx, now, {
    skill: 'sdwan_federation_compose',
    request: bytesOf(ComposeNetworkRequestSchema, req),
    requestId: req.requestId,
    rollBackOnFailure: req.rollBackOnFailure,
    steps: composeSteps(said, () => newId(now)),
    by,
    ...(dueAt && { dueAt }),
  })
}

/** Begins to isolate a tenant. */
export async function isolate(tx: SdwanTx, now: Date, { req, by, dueAt }: Said<IsolateTenantRequest>): Promise<Begun> {
  const said = isolateFromWire(req)
  const deployments = await runs.deployments(tx)
  checkIsolate(said, deployments.length)
  return beginRun(tx, now, {
    skill: 'multi_tenant_isolation',
    request: bytesOf(IsolateTenantRequestSchema, req),
    requestId: req.requestId,
    rollBackOnFailure: req.rollBackOnFailure,
    steps: isolateSteps(said, { makesDeployment: deployments.length === 0, newId: () => newId(now) }),
    by,
    ...(dueAt && { dueAt }),
  })
}

/** What was asked, without how it is tried. */
function bytesOf<Desc extends DescMessage>(schema: Desc, req: MessageShape<Desc> & { dryRun: boolean }): Buffer {
  const same = clone(schema, req)
  Object.assign(same, { dryRun: false })
  return Buffer.from(toBinary(schema, same))
}
