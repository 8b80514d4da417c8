import { clone, create } from '@bufbuild/protobuf'
import { policyOf, residencyVerdict, type Policy } from '@powernode/policy'
import { DecisionSchema, type Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import {
  PolicyPageSchema,
  type PeerResidency,
  type PolicyPage,
  type ResidencyRule,
} from '@powernode/proto/powernode/policy/v1/service_pb.ts'

/** What is to be tried: a rule beside the others, or in place of the one of its id; another tag for a peer. */
export type Tried = { readonly rule: ResidencyRule | undefined; readonly residency: PeerResidency | undefined }

/** The residency in force, told as to a gateway, with what is to be tried in place of it. */
export function tryOut(pages: readonly PolicyPage[], { rule, residency }: Tried): Policy {
  const [first, ...others] = pages
  const whole = first?.residencyRules
  const rules = rule ? [...(whole?.rules ?? []).filter(({ id }) => id !== rule.id), rule] : whole?.rules
  const tried = create(PolicyPageSchema, {
    ...(whole && { residencyRules: { ...whole, rules: rules ?? [] } }),
    residencies: residency ? [residency] : [],
  })
  return policyOf([...(first ? [first] : []), ...others, tried])
}

/** What came of asking past decisions again. */
export type WhatIf = {
  readonly lookedAt: number
  readonly wouldBeRefused: number
  readonly wouldBeAllowed: number
  /** The first that were met of those whose outcome would be another, with the reason they would have. */
  readonly changed: readonly Decision[]
}

export const NOTHING_ASKED: WhatIf = { lookedAt: 0, wouldBeRefused: 0, wouldBeAllowed: 0, changed: [] }

const MOST_SHOWN = 100

/** Counts a page of decisions as these rules would have decided them. However many there are, a hundred are kept. */
export function asked(
  sofar: WhatIf,
  policy: Pick<Policy, 'residency' | 'residencyOf'>,
  decisions: readonly Decision[],
): WhatIf {
  const others = decisions.map((decision) => otherwise(policy, decision)).filter((other) => other !== undefined)
  const allowed = others.filter((other) => other.allowed).length
  return {
    lookedAt: sofar.lookedAt + decisions.length,
    wouldBeAllowed: sofar.wouldBeAllowed + allowed,
    wouldBeRefused: sofar.wouldBeRefused + others.length - allowed,
    changed: [...sofar.changed, ...others.slice(0, Math.max(0, MOST_SHOWN - sofar.changed.length))],
  }
}

/**
 * The decision as it would have been, where that is another; judged by what it recorded, not by what is so today.
 *
 * What was refused for another reason stays refused, whatever residency says; what an override let through would be let
 * through by it again.
 */
function otherwise(policy: Pick<Policy, 'residency' | 'residencyOf'>, past: Decision): Decision | undefined {
  const wasHeldBack = past.reason === 'RESIDENCY_VIOLATION' || past.reason === 'RESIDENCY_UNKNOWN'
  if ((!past.allowed && !wasHeldBack) || past.overrideId !== '') return undefined
  const { peerId, destinationRegion: declared, dataClass, resourceRegion: region } = past
  const verdict = residencyVerdict(policy, { peerId, declared, dataClass, region })
  if (verdict.allowed === past.allowed) return undefined

  const other = clone(DecisionSchema, past)
  other.allowed = verdict.allowed
  other.reason = verdict.allowed ? 'ALLOWED' : verdict.reason
  other.axis = verdict.allowed ? '' : 'residency'
  other.detail = verdict.detail
  other.residencyMode = verdict.mode
  other.residencyRuleId = verdict.ruleId
  other.advised = verdict.advised
  return other
}
