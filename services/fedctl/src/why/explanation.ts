import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import type { Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { ResidencyRule } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { Residency } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { NamePeers } from '../peer-names.ts'
import { explainIn } from './explain-in.ts'
import { explainOut } from './explain-out.ts'

/** A decision, and what stands around it as far as it is still there. */
export type Case = {
  readonly decision: Decision
  readonly name: NamePeers
  /** The grant that was used: ours when they called, theirs when we did. It may have changed since. */
  readonly grant?: Grant | undefined
  readonly rule?: ResidencyRule | undefined
  readonly residency?: Residency | undefined
  /** Where it stands in the ledger. */
  readonly place?: { readonly log: string; readonly sequence: bigint } | undefined
}

/** Why a call went as it did, in words of operators. */
export type Explanation = {
  readonly asked: string
  readonly outcome: string
  /** The first thing that did not fit; for an allowed call what made it fit. */
  readonly because: string
  /** What the grant or the rule says that decided. */
  readonly says: string
  /** What the caller was told, when that is less. */
  readonly told: string
  /** Commands and acts on this side. */
  readonly next: readonly string[]
  /** What to ask the operators of the other side for, to be typed over there. */
  readonly askThem: readonly string[]
}

/** Total: also of a reason this version does not know something can be said. */
export function explain(found: Case): Explanation {
  return found.decision.direction === 'out' ? explainOut(found) : explainIn(found)
}
