import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  RegionSchema,
  ResidencyRuleSchema,
  ResidencyRulesSchema,
  type Region as WireRegion,
  type ResidencyRule as WireRule,
  type ResidencyRules as WireRules,
} from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import {
  OverrideSchema,
  ResidencySchema,
  type Override as WireOverride,
  type Residency as WireResidency,
} from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { overrideStatus, type Override } from './override.ts'
import type { Region } from './region.ts'
import { modeFrom, type Residency, type ResidencyRule, type ResidencySettings } from './residency.ts'

export function residencyToWire(residency: Residency): WireResidency {
  const { peerId, tag = '', mode, setBy, setAt, declared, reason, located } = residency
  return create(ResidencySchema, {
    peerId,
    dataResidency: tag,
    mode,
    setBy,
    ...(setAt && { setAt: timestampFromDate(setAt) }),
    declared,
    reason,
    located,
  })
}

export function ruleToWire({ id, peerId = '', dataClass, allowedRegions, mode }: ResidencyRule): WireRule {
  return create(ResidencyRuleSchema, { id, peerId, dataClass, allowedRegions: [...allowedRegions], mode })
}

export function ruleFromWire({ id, peerId, dataClass, allowedRegions, mode }: WireRule): ResidencyRule {
  return { id, peerId: peerId || undefined, dataClass, allowedRegions: [...allowedRegions], mode: modeFrom(mode) }
}

export function regionToWire({ name, parent = '' }: Region): WireRegion {
  return create(RegionSchema, { name, parent })
}

/** Everything that decides for all peers, as gateways and operators are told it. */
export function rulesToWire({
  settings,
  rules,
  regions,
}: {
  readonly settings: ResidencySettings
  readonly rules: readonly ResidencyRule[]
  readonly regions: readonly Region[]
}): WireRules {
  return create(ResidencyRulesSchema, {
    defaultMode: settings.defaultMode,
    homeRegion: settings.homeRegion ?? '',
    rules: rules.map(ruleToWire),
    regions: regions.map(regionToWire),
  })
}

/** An override as answers and events carry it. Its status is that of the moment it is said. */
export function overrideToWire(override: Override, now: Date): WireOverride {
  const { id, peerId, resourceKind, resourceId, reason, createdBy, createdAt, expiresAt } = override
  const { decisionId = '', usedAt, revokedAt } = override
  return create(OverrideSchema, {
    id,
    peerId,
    resourceKind,
    resourceId,
    reason,
    createdBy,
    createdAt: timestampFromDate(createdAt),
    expiresAt: timestampFromDate(expiresAt),
    decisionId,
    ...(usedAt && { usedAt: timestampFromDate(usedAt) }),
    ...(revokedAt && { revokedAt: timestampFromDate(revokedAt) }),
    status: overrideStatus(override, now),
  })
}
