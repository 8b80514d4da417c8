import { clone, create } from '@bufbuild/protobuf'
import { policyOf, residencyVerdict, type Policy, type ResidencyVerdict } from '@powernode/policy'
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

type Rules = Pick<Policy, 'residency' | 'residencyOf'>

/** Counts a page of decisions as these rules would have decided them. However many there are, a hundred are kept. */
export function asked(sofar: WhatIf, policy: Rules, decisions: readonly Decision[]): WhatIf {
  let { wouldBeRefused, wouldBeAllowed } = sofar
  const changed = [...sofar.changed]
  for (const past of decisions) {
    const verdict = otherwise(policy, past)
    if (!verdict) continue
    if (verdict.allowed) wouldBeAllowed += 1
    else wouldBeRefused += 1
    if (changed.length < MOST_SHOWN) changed.push(asDecided(past, verdict))
  }
  return { lookedAt: sofar.lookedAt + decisions.length, wouldBeRefused, wouldBeAllowed, changed }
}

/**
 * What would have been decided, where that is another; judged by what was recorded, not by what is so today.
 *
 * What was refused for another reason stays refused, whatever residency says; what an override let through would be let
 * through by it again.
 */
function otherwise(policy: Rules, past: Decision): ResidencyVerdict | undefined {
  const wasHeldBack = past.reason === 'RESIDENCY_VIOLATION' || past.reason === 'RESIDENCY_UNKNOWN'
  if ((!past.allowed && !wasHeldBack) || past.overrideId !== '') return undefined
  const { peerId, destinationRegion: declared, dataClass, resourceRegion: region } = past
  const verdict = residencyVerdict(policy, { peerId, declared, dataClass, region })
  return verdict.allowed === past.allowed ? undefined : verdict
}

/** The decision as it would stand on record. */
function asDecided(past: Decision, verdict: ResidencyVerdict): Decision {
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
