import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { SpawnMode as WireMode, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  ChildSchema,
  ChildState as WireState,
  InstanceSchema,
  InstanceTypeSchema,
  ProviderSchema,
  RegionSchema,
  SpawnStepSchema,
  TemplateSchema,
  type Child as WireChild,
  type ClusterMember,
  type Instance as WireInstance,
  type SpawnStep,
} from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Child, ChildState, SpawnMode } from './child.ts'
import type { Instance } from './instance.ts'
import type { InstanceType, ProviderRecord, Region, Template } from './records.ts'
import { standingOf } from './standing.ts'
import type { Step } from './step.ts'

/** Every word of ours and the number it has on the wire: the only place that knows both. */
export const STATES = {
  preparing: WireState.PREPARING,
  provisioning: WireState.PROVISIONING,
  booting: WireState.BOOTING,
  joining: WireState.JOINING,
  active: WireState.ACTIVE,
  undoing: WireState.UNDOING,
  gone: WireState.GONE,
} as const satisfies Record<ChildState, WireState>
export const MODES = {
  managed_child: WireMode.MANAGED_CHILD,
  autonomous_peer: WireMode.AUTONOMOUS_PEER,
  cluster_member: WireMode.CLUSTER_MEMBER,
} as const satisfies Record<SpawnMode, WireMode>
const WAITING = { us: WaitingOn.US, them: WaitingOn.THEM, nobody: WaitingOn.NOBODY } as const

/** The word of a number from the wire; undefined for UNSPECIFIED and for numbers of a later contract. */
export function wordOf<Word extends string>(table: Readonly<Record<Word, number>>, number: number): Word | undefined {
  return (Object.keys(table) as Word[]).find((word) => table[word] === number)
}

/** A child as operators, events and the command line see it. */
export function childToWire(child: Child, steps: readonly Step[], member?: ClusterMember): WireChild {
  const { waitingOn, ...standing } = standingOf(child, steps)
  return create(ChildSchema, {
    ...standing,
    waitingOn: WAITING[waitingOn],
    id: child.id,
    hostname: child.hostname,
    spawnMode: MODES[child.spawnMode],
    state: STATES[child.state],
    since: timestampFromDate(child.since),
    steps: steps.map(stepToWire),
    peerId: child.peerId ?? '',
    instanceId: child.instanceId,
    templateId: child.templateId,
    regionId: child.regionId,
    instanceTypeId: child.instanceTypeId,
    parentUrl: child.parentUrl,
    proposedRoutes: [...child.proposedRoutes],
    proposedCapabilities: child.proposedCapabilities,
    ...(child.invitationExpiresAt && { invitationExpiresAt: timestampFromDate(child.invitationExpiresAt) }),
    bootDeadline: timestampFromDate(child.bootDeadline),
    createdBy: child.createdBy,
    createdAt: timestampFromDate(child.createdAt),
    updatedAt: timestampFromDate(child.updatedAt),
    revision: BigInt(child.revision),
    ...(member && { clusterMember: member }),
  })
}

export const stepToWire = (step: Step): SpawnStep =>
  create(SpawnStepSchema, {
    name: step.name,
    status: step.status,
    attempts: step.attempts,
    ...(step.startedAt && { startedAt: timestampFromDate(step.startedAt) }),
    ...(step.finishedAt && { finishedAt: timestampFromDate(step.finishedAt) }),
    detail: step.detail,
  })

export const instanceToWire = (instance: Instance): WireInstance =>
  create(InstanceSchema, {
    id: instance.id,
    childId: instance.childId,
    hostname: instance.hostname,
    providerId: instance.providerId,
    regionId: instance.regionId,
    instanceTypeId: instance.instanceTypeId,
    state: instance.state,
    reason: instance.reason,
    since: timestampFromDate(instance.since),
    progress: instance.progress,
    ...(instance.progressAt && { progressAt: timestampFromDate(instance.progressAt) }),
    providerRef: instance.providerRef,
    createdAt: timestampFromDate(instance.createdAt),
  })

export const templateToWire = (template: Template) =>
  create(TemplateSchema, {
    id: template.id,
    name: template.name,
    description: template.description,
    spec: template.spec,
    createdAt: timestampFromDate(template.createdAt),
    ...(template.retiredAt && { retiredAt: timestampFromDate(template.retiredAt) }),
    revision: BigInt(template.revision),
  })

export const providerToWire = (provider: ProviderRecord) =>
  create(ProviderSchema, {
    id: provider.id,
    name: provider.name,
    kind: provider.kind,
    status: provider.status,
    config: provider.config,
    createdAt: timestampFromDate(provider.createdAt),
    revision: BigInt(provider.revision),
  })

export const regionToWire = ({ id, providerId, name, residency }: Region) =>
  create(RegionSchema, { id, providerId, name, residency })

export const typeToWire = (type: InstanceType) =>
  create(InstanceTypeSchema, {
    id: type.id,
    providerId: type.providerId,
    name: type.name,
    cpus: type.cpus,
    memoryBytes: BigInt(type.memoryBytes),
    diskBytes: BigInt(type.diskBytes),
  })
