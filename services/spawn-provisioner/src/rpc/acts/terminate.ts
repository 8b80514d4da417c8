import type { GatedAct } from '@powernode/approvals'
import {
  TerminateChildRequestSchema,
  type TerminateChildRequest,
} from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import type { Child } from '../../child.ts'
import { beginUndo } from '../../operations/undo-child.ts'
import type { By } from '../../operations/tell.ts'
import { effectsOf } from '../../plan.ts'
import type { Member } from '../../member.ts'
import * as children from '../../store/children.ts'
import * as members from '../../store/members.ts'
import { Refusal } from '@powernode/rpc'
import type { SpawnTx } from '../../store/tables.ts'

export const TERMINATE = 'system.federation_child_terminate'

/** Whoever ends the machine of one of these ends the only database that takes writes. */
const LEADS: ReadonlySet<Member['state']> = new Set(['fenced', 'promoted'])

export type Ended = { readonly child: Child; readonly effects: readonly string[] }

/** A child is not to be, or not to be any more. One that is being undone already goes on being undone. */
export async function terminate(
  tx: SpawnTx,
  now: Date,
  { by, req }: { readonly by: By; readonly req: TerminateChildRequest },
): Promise<Ended> {
  const before = await children.resolve(tx, req.child)
  const [member] = await members.ofChildren(tx, [before.id])
  if (member && LEADS.has(member.state))
    throw new Refusal('CHILD_STATE_FORBIDS', `${before.hostname} has the primary of our database, or is about to`, {
      metadata: { state: member.state },
      next: `fedctl child fail-back ${before.hostname}; or, if it is lost for good, end its peering first: fedctl peer revoke ${before.hostname}`,
    })
  const ending = before.state === 'active' ? 'terminated' : 'cancelled'
  const reason = req.reason === '' ? `${ending} by ${by.actor}` : req.reason
  const child = await beginUndo(tx, now, { childId: before.id, ending, reason, by })
  return { child, effects: effectsOf(before) }
}

export const terminating = (
  req: TerminateChildRequest,
  { rehearse }: { rehearse: () => Promise<Ended> },
): GatedAct<typeof TerminateChildRequestSchema> => ({
  action: TERMINATE,
  schema: TerminateChildRequestSchema,
  request: req,
  summary: `end the child ${req.child}${req.reason ? `: ${req.reason}` : ''}`,
  effects: async () => (await rehearse()).effects,
})
