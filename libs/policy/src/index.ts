export { matches, mintBearer, parseBearer, withoutBearers, type Bearer } from './bearer.ts'
export {
  blocksOverlap,
  canonicalAddress,
  canonicalCidr,
  cidrHolds,
  cidrsOverlap,
  enclosingCidr,
  inSomeCidr,
  ipVersion,
  readBlock,
  type Block,
} from './cidr.ts'
export { decide, decideWithGrant, staleVerdict } from './decide.ts'
export {
  AXES,
  type AccessRequest,
  type Axis,
  type DecisionReason,
  type PeerResidency,
  type Policy,
  type PolicyGrant,
  type ServedKind,
  type Verdict,
} from './policy.ts'
export { policyOf, PolicyTable } from './policy-table.ts'
export {
  NO_RESIDENCY_RULES,
  residencyVerdict,
  ResidencyRules,
  type ResidencyMode,
  type ResidencyQuestion,
  type ResidencyRule,
  type ResidencyRulesSaid,
  type ResidencyVerdict,
} from './residency.ts'
export { hasScope, isScope, SCOPES, scopeBits, scopesOf, type Scope } from './scope.ts'
export { onWire, WIRE, type WireAnswer, type WireReason } from './wire.ts'
