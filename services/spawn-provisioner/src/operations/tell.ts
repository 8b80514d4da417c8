import { append } from '@powernode/events'
import type { Child } from '../child.ts'
import { spawnMoved, US } from '../events.ts'
import type { SpawnWord } from '../spawn-word.ts'
import type { Step } from '../step.ts'
import type { SpawnTx } from '../store/tables.ts'
import * as members from '../store/members.ts'
import * as steps from '../store/steps.ts'
import { memberToWire } from '../wire-member.ts'
import { childToWire, stepToWire } from '../wire.ts'

/** Who did it, and as part of which call. */
export type By = { readonly actor: string; readonly requestId?: string; readonly traceparent?: string }

export type Told = {
  readonly child: Child
  readonly at: Date
  readonly step?: Step | undefined
  readonly reason?: string
  /** We ourselves, on behalf of the call that asked for the child, unless said otherwise. */
  readonly by?: By | undefined
}

/** Announces what became of a child, with all its steps as they stand now. MUST be called with the child's row held. */
export async function tell(tx: SpawnTx, word: SpawnWord, { child, at, step, reason, by }: Told): Promise<void> {
  const [member] = await members.ofChildren(tx, [child.id])
  const wire = childToWire(child, await steps.listOf(tx, child.id), member && memberToWire(member))
  await append(
    tx,
    spawnMoved(word, {
      child: wire,
      about: child.id,
      step: step && stepToWire(step),
      reason: reason ?? '',
      at,
      actor: by?.actor ?? US,
      correlationId: by?.requestId ?? child.requestTrace,
      traceparent: by?.traceparent ?? '',
    }),
  )
}
