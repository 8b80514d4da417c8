import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { rehearse } from '@powernode/postgres'
import { type ChangePlan } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import {
  ChangeIntentRequestSchema,
  type Change,
  type SdwanService,
} from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import {
  ComposeNetworkRequestSchema,
  IsolateTenantRequestSchema,
  RollBackRunRequestSchema,
  type Run as WireRun,
} from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { refusalOf, Refusal, requestOf } from '@powernode/rpc'
import { checkCompose, checkInstances } from '../compose-plan.ts'
import { actionOf } from '../intent/acts.ts'
import { isKind } from '../intent/columns.ts'
import { beginRollBack, runNotFound, type Begun } from '../operations/begin-run.ts'
import { showRun } from '../operations/show-run.ts'
import { composeChange, deletionOf, isolateChange } from '../run-changes.ts'
import { stands, type RunStep, type Skill } from '../run.ts'
import { driveRun } from '../runs/drive-run.ts'
import { knownNodes } from '../runs/known-nodes.ts'
import * as runs from '../store/runs.ts'
import type { SdwanTx } from '../store/tables.ts'
import { composeFromWire, composeOf, isolateOf } from '../wire-run.ts'
import { changing } from './acts/change.ts'
import { compose, COMPOSE, isolate, ISOLATE, ROLL_BACK } from './acts/run.ts'
import { act, afterPage, look, pageSize, pageToken, type RpcDeps } from './door.ts'
import { strictestOf } from './strictest.ts'

type Handlers = Pick<
  ServiceImpl<typeof SdwanService>,
  'composeNetwork' | 'isolateTenant' | 'listRuns' | 'getRun' | 'rollBackRun'
>
/** Skills: sagas over the very verb by which operators change intent. */
export const runHandlers = (deps: RpcDeps): Handlers => ({
  async composeNetwork(req, context) {
    const said = composeFromWire(req)
    checkCompose(said)
    const { trustDomain } = deps.config
    const asked = { authority: deps.authority, trustDomain, signal: context.signal }
    const nodes = said.members.map(({ nodeInstanceId }) => nodeInstanceId)
    checkInstances(said, await knownNodes(nodes, asked).catch(passOn))
    const begin: Begin = (tx, now) => compose(tx, now, { req, by: requestOf(context), dueAt: graceFrom(now) })
    const gated = {
      action: COMPOSE,
      schema: ComposeNetworkRequestSchema,
      request: req,
      summary: `compose the network ${req.networkName}`,
    }
    return { run: await runSkill(deps, context, { begin, ...gated }) }
  },

  async isolateTenant(req, context) {
    const begin: Begin = (tx, now) => isolate(tx, now, { req, by: requestOf(context), dueAt: graceFrom(now) })
    const gated = {
      action: ISOLATE,
      schema: IsolateTenantRequestSchema,
      request: req,
      summary: `isolate the tenant ${req.tenantKey}`,
    }
    return { run: await runSkill(deps, context, { begin, ...gated }) }
  },

  listRuns: ({ skill, pageSize: size, pageToken: token }) =>
    look(deps, async (tx, now) => {
      const limit = pageSize(size)
      const page = await runs.list(tx, { skill: skillFrom(skill), before: afterPage(token), limit: limit + 1 })
      const shown: WireRun[] = []
      for (const run of page.slice(0, limit))
        shown.push(await showRun(tx, now, { run, steps: await runs.stepsOf(tx, run.id) }))
      const last = shown.at(-1)
      return { runs: shown, nextPageToken: page.length > limit && last ? pageToken(last.id) : '' }
    }),

  getRun: ({ runId }) => look(deps, async (tx, now) => ({ run: await shownNow(tx, now, runId) })),

  async rollBackRun(req, context) {
    const { runId } = req
    const before = await look(deps, (tx) => begunOf(tx, runId))
    const actions = before.steps.filter(stands).map((step) => actionFor(step, 'delete'))
    if (req.dryRun) {
      const plan = await planOf(deps, context, before.steps.filter(stands).toReversed().map(deletionOf))
      const run = await rehearse(deps.db, async (tx) => {
        const begun = await beginRollBack(tx, deps.clock.now(), { runId })
        const steps = begun.steps
          .filter(stands)
          .toReversed()
          .map((step) => ({ ...step, action: `undo ${step.name}` }))
        return showRun(tx, deps.clock.now(), { run: begun.run, steps, rehearsed: { plan } })
      })
      return { run }
    }
    await deps.gate.pass(context, {
      action: strictestOf(deps.policies, [ROLL_BACK, ...actions]),
      schema: RollBackRunRequestSchema,
      request: req,
      summary: `take back run ${runId}`,
      effects: before.steps
        .filter(stands)
        .toReversed()
        .map(({ action }) => `undo ${action}`),
    })
    await act(deps, (tx, now) => beginRollBack(tx, now, { runId }))
    return { run: await driven(deps, runId, context.signal) }
  },
})

type Begin = (tx: SdwanTx, now: Date) => Promise<Begun>
type Gated<Desc extends DescMessage> = {
  readonly begin: Begin
  readonly action: string
  readonly schema: Desc
  readonly request: MessageShape<Desc> & { readonly dryRun: boolean; readonly requestId: string }
  readonly summary: string
}

/** Looks first: whatever could be refused is, before anybody is asked to approve it. */
async function runSkill<Desc extends DescMessage>(
  deps: RpcDeps,
  context: HandlerContext,
  { begin, action, schema, request, summary }: Gated<Desc>,
): Promise<WireRun> {
  const { requestId, dryRun } = request
  const before = requestId === '' ? undefined : await act(deps, (tx) => runs.findByRequest(tx, requestId))
  if (before && !dryRun) {
    const { run } = await act(deps, begin) // refused when something else was asked
    return driven(deps, run.id, context.signal)
  }
  const planned = await rehearse(deps.db, (tx) => begin(tx, deps.clock.now()))
  if (dryRun) {
    const plan = await planOf(deps, context, await changesOf(deps, context, planned))
    return look(deps, (tx, now) => showRun(tx, now, { ...planned, rehearsed: { plan } }))
  }
  const touched = planned.steps.filter(({ recordKind }) => recordKind !== null).map((step) => actionFor(step, 'create'))
  const actions = [action, ...new Set(touched)]
  const effects = planned.steps.map((step) => step.action)
  await deps.gate.pass(context, { action: strictestOf(deps.policies, actions), schema, request, summary, effects })
  const { run } = await act(deps, begin)
  return driven(deps, run.id, context.signal)
}

/** Drives it to its end, or to where whoever asked waits no longer: the loop goes on with it. */
async function driven(deps: RpcDeps, runId: string, signal: AbortSignal): Promise<WireRun> {
  try {
    await driveRun(deps, { runId, patient: true }, signal)
  } catch (error) {
    deps.logger.warn({ task: 'runs', run_id: runId, error }, 'a run could not go on; it is tried again')
  }
  return look(deps, (tx, now) => shownNow(tx, now, runId))
}

async function shownNow(tx: SdwanTx, now: Date, runId: string): Promise<WireRun> {
  return showRun(tx, now, await begunOf(tx, runId))
}

async function begunOf(tx: SdwanTx, runId: string): Promise<Begun> {
  const run = await runs.find(tx, runId)
  if (!run) throw runNotFound(runId)
  return { run, steps: await runs.stepsOf(tx, runId) }
}

/** Everything that a run would change, as if each of its steps were done. The prefix of a new network is found out by trying. */
async function changesOf(deps: RpcDeps, context: HandlerContext, { run, steps }: Begun): Promise<readonly Change[]> {
  const done = steps.map((step) => ({ ...step, status: 'done' as const }))
  if (run.skill === 'sdwan_federation_compose')
    return done.flatMap((step) => composeChange(composeOf(run), step, done) ?? [])
  const said = isolateOf(run)
  const [deploymentId] = await look(deps, runs.deployments)
  const ground = { steps: done, networkCidr: undefined, deploymentId }
  const first = done.filter(({ name }) => name === 'create_network').map((step) => isolateChange(said, step, ground))
  const tried = await rehearsed(deps, context, first)
  const network = tried.items[0]?.kind
  const networkCidr = network?.case === 'network' ? network.value.cidr64 : undefined
  return done.map((step) => isolateChange(said, step, { ...ground, networkCidr }))
}

async function planOf(
  deps: RpcDeps,
  context: HandlerContext,
  changes: readonly Change[],
): Promise<ChangePlan | undefined> {
  return changes.length === 0 ? undefined : (await rehearsed(deps, context, changes)).plan
}

async function rehearsed(deps: RpcDeps, context: HandlerContext, changes: readonly Change[]) {
  const req = create(ChangeIntentRequestSchema, { changes: [...changes], dryRun: true })
  return (await rehearse(deps.db, (tx) => changing(deps, req, requestOf(context))(tx, deps.clock.now()))).answer
}

const actionFor = ({ recordKind }: RunStep, verb: 'create' | 'delete'): string =>
  recordKind !== null && isKind(recordKind) ? actionOf(recordKind, verb) : ROLL_BACK

/** So long a run is left to whoever asked for it. */
const GRACE_MS = 10_000
const graceFrom = (now: Date): Date => new Date(now.getTime() + GRACE_MS)

function skillFrom(said: string): Skill | undefined {
  if (said === '' || said === 'sdwan_federation_compose' || said === 'multi_tenant_isolation') return said || undefined
  throw new Refusal('REQUEST_INVALID', 'skill is sdwan_federation_compose or multi_tenant_isolation')
}

function passOn(error: unknown): never {
  throw refusalOf(error) ?? error
}
