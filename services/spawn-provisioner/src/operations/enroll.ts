import { Refusal } from '@powernode/rpc'
import { mintToken, TOKEN_LIFE_MS, type Purpose } from '../bootstrap-token.ts'
import type { Child } from '../child.ts'
import * as tokens from '../store/bootstrap-tokens.ts'
import * as children from '../store/children.ts'
import * as clones from '../store/clones.ts'
import type { SpawnTx } from '../store/tables.ts'
import { noteSpoken } from './take-step.ts'
import { tell } from './tell.ts'

/** The child of a peer, which MUST be ours. */
export async function childOfPeer(tx: SpawnTx, peerId: string): Promise<Child> {
  const child = await children.findByPeer(tx, peerId)
  if (!child) throw new Refusal('CHILD_NOT_FOUND', `the peer ${peerId} is no child that was made here`)
  return child
}

/**
 * A platform has redeemed the invitation of this peer's child. Returns the child, which is to be handed its enrollment:
 * as often as that platform asks, until the child is active.
 */
export async function receiveRedeemer(
  tx: SpawnTx,
  now: Date,
  { peerId, platformId }: { readonly peerId: string; readonly platformId: string },
): Promise<Child> {
  const { id, hostname } = await childOfPeer(tx, peerId)
  const child = await noteSpoken(tx, now, { childId: id, platformId })
  if (child.ending !== null)
    throw new Refusal('CHILD_STATE_FORBIDS', `${hostname} is not to be: ${child.reason}`, {
      metadata: { state: child.state },
    })
  if (child.platformId !== platformId)
    throw new Refusal('CHILD_STATE_FORBIDS', `the invitation of ${hostname} was redeemed by another platform`)
  return child
}

export type Minted = { readonly token: string; readonly expiresAt: Date }

/** A token by which a node of the child gets a certificate. Every one before it for that purpose is dead, if it was not used. */
export async function mintBootstrapToken(
  tx: SpawnTx,
  now: Date,
  { childId, purpose, subject }: { readonly childId: string; readonly purpose: Purpose; readonly subject: string },
): Promise<Minted> {
  const { token, digest } = mintToken()
  const expiresAt = new Date(now.getTime() + TOKEN_LIFE_MS)
  await tokens.replace(tx, { digest, childId, purpose, subject, issuedAt: now, expiresAt })
  return { token, expiresAt }
}

/** Somebody came with the payload of a child that had spoken. An alarm, once for each identity; the child goes on. */
export async function noteClone(
  tx: SpawnTx,
  now: Date,
  said: { readonly peerId: string; readonly identityFingerprint: Buffer; readonly sourceAddress: string },
): Promise<void> {
  const { id } = await childOfPeer(tx, said.peerId)
  const child = await children.lock(tx, id)
  const { identityFingerprint, sourceAddress } = said
  if (!(await clones.insert(tx, { childId: id, identityFingerprint, sourceAddress, reportedAt: now }))) return
  const from = sourceAddress === '' ? '' : ` from ${sourceAddress}`
  await tell(tx, 'clone_detected', {
    child,
    at: now,
    reason: `another machine${from} came with its payload, and was refused; its identity key has the fingerprint ${identityFingerprint.toString('hex')}. End it, and find out who copied the payload`,
  })
}
