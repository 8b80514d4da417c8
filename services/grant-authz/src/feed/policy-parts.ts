import { bridgePart } from './bridge-part.ts'
import { grantPart } from './grant-part.ts'
import type { PolicyPart } from './policy-part.ts'
import { kindPart, residencyPart } from './residency-part.ts'
import { settingsPart } from './settings-part.ts'

/** Every area's share of the policy. The grants are most of it, and come last. */
export const POLICY_PARTS: readonly PolicyPart[] = [settingsPart, kindPart, residencyPart, bridgePart, grantPart]
