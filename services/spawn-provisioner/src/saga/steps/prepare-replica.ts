import type { Spawn } from '../../operations/read-spawn.ts'
import type { MemberOf } from '../../replication/replication.ts'
import type { Performer } from '../performer.ts'

/** A cluster_member's place in our WAL, kept before it is there. */
export const prepareSlot: Performer = {
  async perform({ replication }, spawn, signal) {
    return { detail: await replication.prepareSlot(memberOf(spawn), signal) }
  },
  async undo({ replication }, spawn, signal) {
    if (spawn.child.peerId === null) return 'there was no slot'
    await replication.dropSlot(memberOf(spawn), signal)
    return 'the slot is dropped'
  },
}

/** Whom its replica logs in as. */
export const prepareRole: Performer = {
  async perform({ replication }, spawn, signal) {
    return { detail: await replication.prepareRole(memberOf(spawn), signal) }
  },
  async undo({ replication }, spawn, signal) {
    if (spawn.child.peerId === null) return 'there was no role'
    await replication.dropRole(memberOf(spawn), signal)
    return 'the role is dropped'
  },
}

/** The steps before these made the peer; without one there is nothing to name a replica after. */
export function memberOf({ child }: Pick<Spawn, 'child'>): MemberOf {
  if (child.peerId === null) throw new Error(`child ${child.id} has no peer yet`)
  return { childId: child.id, peerId: child.peerId, instanceId: child.instanceId }
}
