import { GrantSchema, type Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerSchema, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { ChildSchema, InstanceSchema, type Child, type Instance } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { plain } from './plain.ts'
import { factsOf } from './problem.ts'
import type { Session } from './session.ts'
import { spawnNames, type SpawnName } from './spawn-names.ts'
import { present } from './written.ts'

/** One child, its machine and its peering, and what its operators let us do there. */
export type ChildView = {
  readonly child: Child
  readonly instance: Instance | undefined
  readonly peer: Peer | undefined
  /** Grants that it gave us and that are good: a managed_child gives us managed_child_operator. */
  readonly received: readonly Grant[]
  readonly name: SpawnName
  /** `service: why it did not answer`. */
  readonly unavailable: readonly string[]
}

export async function viewChild(session: Session, named: string): Promise<ChildView> {
  const answer = await session.clients.spawning.getChild({ child: named })
  const child = present(answer.child, 'a child')
  const [received, name] = await Promise.all([receivedFrom(session, child.peerId), spawnNames(session)])
  const { instance, peer } = answer
  return { child, instance, peer, name, received: received.grants, unavailable: received.unavailable }
}

async function receivedFrom({ clients }: Session, peerId: string) {
  if (peerId === '') return { grants: [], unavailable: [] }
  try {
    const { grants } = await clients.grants.listReceivedGrants({ peerId, pageSize: 100 })
    return { grants: grants.filter(({ status }) => status === 'active'), unavailable: [] }
  } catch (error) {
    return { grants: [], unavailable: [`grant-authz: ${factsOf(error).message}`] }
  }
}

/** The child's own fields on top, what stands around it under their names. */
export function plainChildView({ child, instance, peer, received, unavailable }: Omit<ChildView, 'name'>) {
  return {
    ...plain(ChildSchema, child),
    instance: instance ? plain(InstanceSchema, instance) : null,
    peer: peer ? plain(PeerSchema, peer) : null,
    grants_received: received.map((grant) => plain(GrantSchema, grant)),
    unavailable,
  }
}
