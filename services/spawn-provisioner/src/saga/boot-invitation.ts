import { durationFromMs, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { inTransaction } from '@powernode/postgres'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
import type { Child } from '../child.ts'
import { claimPayload, noteInvitation, owePayload, settlePayload, type Claim } from '../operations/owe-payload.ts'
import type { Spawn } from '../operations/read-spawn.ts'
import { tell, type By } from '../operations/tell.ts'
import { limited } from './limited.ts'
import { payloadOf } from './payload.ts'
import { SpawnEnded, type SagaDeps } from './performer.ts'

/** How the peering of a child stands, as peer-registry knows it: the truth, whatever was announced. */
export async function peerOf({ registry }: SagaDeps, child: Child, signal: AbortSignal) {
  if (child.peerId === null) throw new Error(`child ${child.id} has no peer yet`)
  const { peer } = await registry.getPeer({ peer: child.peerId }, { signal })
  if (!peer) throw new Error(`peer-registry shows no peer ${child.peerId}`)
  if (peer.state === PeerState.REVOKED) throw new SpawnEnded(`the peering with it was revoked: ${peer.reason}`)
  return peer
}

/** Whether it has not redeemed its invitation yet. */
export const isProposed = ({ state }: { readonly state: PeerState }): boolean => state === PeerState.PROPOSED

/** A new token in place of every one before it, told of: the one that was shown is dead. */
export async function rotate(
  deps: SagaDeps,
  child: Child,
  { signal, by }: { readonly signal: AbortSignal; readonly by?: By },
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  const { registry, db, clock } = deps
  const asked = { peerId: child.peerId ?? '', tokenTtl: durationFromMs(child.tokenTtlMs) }
  const { invitation } = await registry.rotateBootInvitation(asked, { signal })
  if (!invitation?.invitation?.expiresAt) throw new Error('peer-registry rotated an invitation to none')
  const expiresAt = timestampDate(invitation.invitation.expiresAt)
  await inTransaction(db, async (tx) => {
    const now = clock.now()
    const open = await noteInvitation(tx, now, { childId: child.id, expiresAt })
    const reason = by ? '' : 'it was lost with the process that held it, before a machine had it'
    await tell(tx, 'token_rotated', { child: open, at: now, by, reason })
  })
  return { token: invitation.acceptanceToken, expiresAt }
}

const STAMP_MS = 120_000

/** How long whoever makes a new token may take to hand it to the machine. */
const OURS_MS = 150_000

/** A claim on the payload of a child, as `claimPayload` wants it. */
export const claimOf = (childId: string, now: Date) => ({ childId, due: new Date(now.getTime() + OURS_MS) })

/** A new token for the machine in place of the one that it holds, made by whoever claimed it; the only way to it. */
export async function replaceToken(
  deps: SagaDeps,
  { claim, spawn }: { readonly claim: Claim; readonly spawn: Spawn },
  asked: { readonly signal: AbortSignal; readonly by?: By },
): Promise<string> {
  const { db, clock } = deps
  const settle = (stamped: boolean) => inTransaction(db, (tx) => settlePayload(tx, clock.now(), { ...claim, stamped }))
  try {
    const { token } = await rotate(deps, spawn.child, asked)
    await stamp(deps, spawn, { token, signal: asked.signal })
    await settle(true)
    return token
  } catch (error) {
    await settle(false).catch(() => undefined) // then it is owed when the claim has run out
    throw error
  }
}

/** Hands the machine the payload with this token; from then on nobody but the machine has it. */
async function stamp(
  deps: SagaDeps,
  spawn: Spawn,
  { token, signal }: { readonly token: string; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, registry } = deps
  const payload = payloadOf(spawn, await registry.getPlatform({}, { signal }), token)
  const provider = deps.providers.of(spawn.provider)
  const what = `${spawn.provider.name}: another payload`
  await limited({ clock, ms: STAMP_MS, what }, (until) => provider.stamp(spawn.instance.providerRef, payload, until), signal) // prettier-ignore
}

/** The machine's token is dead, and whoever killed it did not bring the new one: that is done here. */
export async function payDue(deps: SagaDeps, spawn: Spawn, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps
  const claim = claimOf(spawn.child.id, clock.now())
  if (!(await inTransaction(db, (tx) => claimPayload(tx, clock.now(), claim)))) return
  try {
    await replaceToken(deps, { claim, spawn }, { signal })
  } catch (error) {
    if (refusalOf(error)?.reason !== 'BOOT_INVITATION_OVER') throw error // redeemed this very moment: it has spoken
  }
}

/** The boot goes on, and the invitation lives longer. One that has run out is replaced by another. */
export async function extend(deps: SagaDeps, child: Child, until: Date, signal: AbortSignal): Promise<void> {
  const { registry, db, clock } = deps
  const said = { peerId: child.peerId ?? '', expiresAt: timestampFromDate(until) }
  try {
    await registry.extendBootInvitation(said, { signal })
  } catch (error) {
    if (refusalOf(error)?.reason !== 'BOOT_INVITATION_OVER') throw error
    // It has run out, or was redeemed this very moment: of a child that has spoken nothing is owed.
    const peer = await peerOf(deps, child, signal)
    if (isProposed(peer)) await inTransaction(db, (tx) => owePayload(tx, clock.now(), { childId: child.id }))
    return
  }
  await inTransaction(db, (tx) => noteInvitation(tx, clock.now(), { childId: child.id, expiresAt: until }))
}
