import type { JsonObject } from '@bufbuild/protobuf'
import { durationFromMs, timestampDate } from '@bufbuild/protobuf/wkt'
import type { PrepareChildResponse } from '@powernode/proto/powernode/peer/v1/child_pb.ts'
import { refusalOf, type Reason } from '@powernode/rpc'
import type { Spawn } from '../../operations/read-spawn.ts'
import { MODES } from '../../wire.ts'
import type { Performer, SagaDeps } from '../performer.ts'

/** The peering with the child, proposed, and an invitation for whoever boots with its payload. */
export const preparePeer: Performer = {
  async perform(deps, spawn, signal) {
    const { peer, invitation } = await prepare(deps, spawn, signal)
    if (!peer || !invitation?.invitation?.expiresAt) throw new Error('peer-registry prepared a child without a peer')
    deps.tokens.put(spawn.child.id, invitation.acceptanceToken)
    const invitationExpiresAt = timestampDate(invitation.invitation.expiresAt)
    return { detail: `the peer ${peer.id} is proposed`, peerId: peer.id, invitationExpiresAt }
  },

  /** A crash between the two may have left a peer that we never heard of: asked again, peer-registry names it. */
  async undo(deps, spawn, signal) {
    const { child } = spawn
    deps.tokens.forget(child.id)
    const peerId = child.peerId ?? (await peerIdOf(deps, spawn, signal))
    if (peerId === undefined) return 'there was no peer'
    await deps.registry.cancelChild(
      { peerId, reason: child.reason.slice(0, 256), onBehalfOf: child.createdBy },
      { signal },
    )
    return `the peer ${peerId} is revoked, its invitations are dead`
  },
}

/** What is asked for cannot be, now as before: a spawn that was prepared once is not judged by these again. */
const NEVER_MADE: ReadonlySet<Reason> = new Set(['PEER_NAME_TAKEN', 'REQUEST_INVALID', 'SPAWN_TTL_OUT_OF_RANGE'])

/** One that was ended meanwhile, or speaks already, is prepared no more; it is named all the same. */
async function peerIdOf(deps: SagaDeps, spawn: Spawn, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await prepare(deps, spawn, signal)).peer?.id
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal?.reason === 'BOOT_INVITATION_OVER') return refusal.metadata['peer_id']
    if (refusal && NEVER_MADE.has(refusal.reason)) return undefined
    throw error
  }
}

const prepare = (
  { registry }: SagaDeps,
  { child, template }: Spawn,
  signal: AbortSignal,
): Promise<PrepareChildResponse> =>
  registry.prepareChild(
    {
      spawnId: child.id,
      spawnMode: MODES[child.spawnMode],
      name: child.hostname,
      instanceId: child.instanceId,
      tokenTtl: durationFromMs(child.tokenTtlMs),
      metadata: metadataOf(child, template.name),
      onBehalfOf: child.createdBy,
    },
    { signal },
  )

/** What operators read on the peer of where it came from. */
const metadataOf = (child: Spawn['child'], template: string): JsonObject => ({
  child_id: child.id,
  node_instance_id: child.instanceId,
  template,
  ...(child.proposedRoutes.length > 0 && { proposed_routes: [...child.proposedRoutes] }),
  ...(Object.keys(child.proposedCapabilities).length > 0 && { proposed_capabilities: child.proposedCapabilities }),
})
