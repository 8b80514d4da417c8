import type { Decider } from '../decisions/decider.ts'
import type { Owners } from '../owners/owners.ts'
import type { UnaryParts } from './unary.ts'
import type { Watches } from './watches.ts'

/** What answering for resources takes: who decides, who has them, and which streams are open. */
export type ResourceParts = UnaryParts & {
  readonly decider: Decider
  readonly owners: Owners
  readonly watches: Watches
}
