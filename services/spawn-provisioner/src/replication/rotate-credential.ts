import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { inTransaction } from '@powernode/postgres'
import {
  RotateMemberCredentialResponseSchema,
  type RotateMemberCredentialRequest,
  type RotateMemberCredentialResponse,
} from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Child } from '../child.ts'
import { renewPassword } from '../operations/admit-member.ts'
import * as children from '../store/children.ts'
import * as members from '../store/members.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'
import { childToWire } from '../wire.ts'
import { memberToWire } from '../wire-member.ts'
import type { LineDeps } from './attend-member.ts'
import { deliverCredential } from './deliver.ts'

/** A new password for a member's role, now. One that is away gets it when it comes; until then it cannot log in again. */
export function rotateMemberCredential(deps: LineDeps) {
  const { db, clock, sealing, lines } = deps
  return async (
    { child: named, dryRun }: RotateMemberCredentialRequest,
    { signal }: Pick<HandlerContext, 'signal'>,
  ): Promise<RotateMemberCredentialResponse> => {
    const member = await inTransaction(db, async (tx) => {
      const { child } = await memberNamed(tx, named)
      const found = await members.lock(tx, child.id)
      return dryRun || !found ? found : renewPassword(tx, clock.now(), { childId: child.id, sealing })
    })
    const line = member && lines.find(member.peerId)
    if (line && !dryRun) await line.during(() => deliverCredential(deps, { member, line, signal }))
    return inTransaction(db, async (tx) =>
      create(RotateMemberCredentialResponseSchema, { child: await shown(tx, (await memberNamed(tx, named)).child) }),
    )
  }
}

/** The child of that name; refused when it keeps no replica of ours. */
export async function memberNamed(tx: SpawnTx, named: string) {
  const child = await children.resolve(tx, named)
  const [member] = await members.ofChildren(tx, [child.id])
  if (!member)
    throw new Refusal('NOT_CLUSTER_MEMBER', `${child.hostname} keeps no replica of our database`, {
      next: `fedctl child show ${child.hostname}`,
    })
  return { child, member }
}

export async function shown(tx: SpawnTx, child: Child) {
  const [member] = await members.ofChildren(tx, [child.id])
  return childToWire(child, await steps.listOf(tx, child.id), member && memberToWire(member))
}
