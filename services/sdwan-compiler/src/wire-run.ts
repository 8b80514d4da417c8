import { create, fromBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { type ChangePlan } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import {
  ComposeNetworkRequestSchema,
  IsolateTenantRequestSchema,
  RunSchema,
  type ComposeNetworkRequest,
  type IsolateTenantRequest,
  type Run as WireRun,
} from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import type { Compose } from './compose-plan.ts'
import type { Isolate } from './isolate-plan.ts'
import { isPartial, type Run, type RunStep } from './run.ts'

export const composeFromWire = ({ topology, members, ...said }: ComposeNetworkRequest): Compose => ({
  networkName: said.networkName,
  topology,
  routingProtocol: said.routingProtocol,
  members,
  federationPeerId: said.federationPeerId,
  acceptPrefixes: said.acceptPrefixes,
})

export const isolateFromWire = (said: IsolateTenantRequest): Isolate => said

/** What was asked of a run, as it was asked. */
export const composeOf = ({ request }: Pick<Run, 'request'>): Compose =>
  composeFromWire(fromBinary(ComposeNetworkRequestSchema, request))
export const isolateOf = ({ request }: Pick<Run, 'request'>): Isolate =>
  isolateFromWire(fromBinary(IsolateTenantRequestSchema, request))

type Shown = {
  readonly run: Run
  readonly steps: readonly RunStep[]
  readonly outputs: Readonly<Record<string, string>>
  /** A dry run: nothing of it is there. */
  readonly rehearsed?: { readonly plan: ChangePlan | undefined }
}

export function runToWire({ run, steps, outputs, rehearsed }: Shown): WireRun {
  return create(RunSchema, {
    id: rehearsed ? '' : run.id,
    skill: run.skill,
    state: rehearsed ? 'planned' : run.state,
    dryRun: rehearsed !== undefined,
    plannedActions: steps.map(({ action }) => action),
    steps: steps.map(({ name, status, detail, recordKind, recordId }) => ({
      name,
      status,
      detail,
      made: status === 'done' && recordId !== null && !rehearsed ? `${recordKind}/${recordId}` : '',
    })),
    outputs,
    failures: run.failures.map((failure) => ({ ...failure })),
    partial: isPartial(run, steps),
    requestedBy: run.requestedBy,
    requestedAt: timestampFromDate(run.requestedAt),
    ...(run.finishedAt && { finishedAt: timestampFromDate(run.finishedAt) }),
    ...(rehearsed?.plan && { plan: rehearsed.plan }),
  })
}
