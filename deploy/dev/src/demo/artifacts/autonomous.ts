import { type Check } from './artifact.ts'
import { nothingGiven } from './grants.ts'

/** An equal: nothing but the peering. */
export const autonomousChecks: readonly Check[] = [{ what: 'Neither lets the other do anything', look: nothingGiven }]
