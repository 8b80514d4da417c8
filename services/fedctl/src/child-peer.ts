import { Problem } from './problem.ts'
import type { Session } from './session.ts'
import { EXIT } from './exit-codes.ts'

/** The id of the peering with a child, for what is done to the peering and not to the machine. */
export async function childPeerId({ clients }: Session, named: string): Promise<string> {
  const { child } = await clients.spawning.getChild({ child: named })
  if (child?.peerId) return child.peerId
  throw new Problem({
    reason: 'CHILD_STATE_FORBIDS',
    message: `${child?.hostname ?? named} has no peering yet`,
    next: `fedctl child watch ${child?.id ?? named}`,
    exitCode: EXIT.refusedByPolicy,
  })
}
