import { changed, isUnspoken, type Child } from '../child.ts'
import * as children from '../store/children.ts'
import type { SpawnTx } from '../store/tables.ts'

type Of = { readonly childId: string }

/** The open invitation of a child lives until this moment now. */
export async function noteInvitation(
  tx: SpawnTx,
  now: Date,
  { childId, expiresAt }: Of & { readonly expiresAt: Date },
): Promise<Child> {
  const child = await children.lock(tx, childId)
  if (!isUnspoken(child)) return child
  return save(tx, changed({ ...child, invitationExpiresAt: expiresAt }, now))
}

/** The machine holds a dead token: whoever attends to the child makes another one. Whoever is at it already is left to it. */
export async function owePayload(tx: SpawnTx, now: Date, { childId }: Of): Promise<Child> {
  const child = await children.lock(tx, childId)
  if (!isUnspoken(child) || child.stampDueAt !== null) return child
  return save(tx, changed({ ...child, stampDueAt: now }, now))
}

/** Until when whoever makes a new token has it for itself, to hand it to the machine; from then on others do it. */
export type Claim = Of & { readonly due: Date }

/**
 * The token in the machine's payload is about to die. One at a time makes another: of two that cross, the machine could
 * be left with the one that is dead, and nothing owed. Undefined: somebody else is at it.
 */
export async function claimPayload(tx: SpawnTx, now: Date, { childId, due }: Claim): Promise<Child | undefined> {
  const child = await children.lock(tx, childId)
  if (!isUnspoken(child)) return child
  if (child.stampDueAt !== null && child.stampDueAt > now) return undefined
  return save(tx, changed({ ...child, stampDueAt: due }, now))
}

/** The machine holds the token that lives, or, if it was not `stamped`, it is owed that at once. */
export async function settlePayload(
  tx: SpawnTx,
  now: Date,
  { childId, due, stamped }: Claim & { readonly stamped: boolean },
): Promise<void> {
  const child = await children.lock(tx, childId)
  if (child.stampDueAt?.getTime() !== due.getTime()) return
  await save(tx, changed({ ...child, stampDueAt: stamped ? null : now }, now))
}

async function save(tx: SpawnTx, child: Child): Promise<Child> {
  await children.save(tx, child)
  return child
}
