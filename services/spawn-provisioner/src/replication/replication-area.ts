import type { SpawnDeps } from '../spawn-deps.ts'
import { memberToWire } from '../wire-member.ts'
import * as members from '../store/members.ts'
import { attendMember } from './attend-member.ts'
import { MemberLines } from './member-lines.ts'
import { preparations } from './prepare-member.ts'
import { promotionActs } from './promotion/promotion-acts.ts'
import type { ReplicationArea } from './replication.ts'
import { rotateMemberCredential } from './rotate-credential.ts'
import { resealOnce } from './reseal-once.ts'
import { watchMembers } from './watch-members.ts'

/** Replicas of our database: made, watched, spoken to, and promoted. */
export function replicationArea(deps: SpawnDeps): ReplicationArea {
  const lines = new MemberLines()
  const parts = { ...deps, lines }
  const promotion = promotionActs(parts)
  return {
    ...preparations(deps),
    async shown(tx, childIds) {
      const found = await members.ofChildren(tx, childIds)
      return new Map(found.map((member) => [member.childId, memberToWire(member)]))
    },
    handlers: {
      ...promotion.handlers,
      rotateMemberCredential: rotateMemberCredential(parts),
      attendMember: attendMember({ ...parts, supersede: promotion.supersede }),
    },
    executors: promotion.executors,
    tasks: [() => resealOnce(deps), (signal) => watchMembers(deps, signal), ...promotion.tasks],
  }
}
