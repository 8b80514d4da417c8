import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { platformIdOf } from '@powernode/identity'
import type { JoinParentRequest } from '@powernode/proto/powernode/peer/v1/child_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Refusal, requestOf } from '@powernode/rpc'
import type { By } from '../events.ts'
import { checkedKey } from '../identity-key.ts'
import { cancelChild } from '../operations/cancel-child.ts'
import { extendBootInvitation } from '../operations/extend-boot-invitation.ts'
import { joinParent, type BootPayload } from '../operations/join-parent.ts'
import { prepareChild, rotateBootInvitation } from '../operations/prepare-child.ts'
import { takeEnrollment } from '../operations/take-enrollment.ts'
import type { SpawnMode } from '../peer.ts'
import { checkPeerUrl } from '../url.ts'
import { invitationToWire } from '../wire.ts'
import { msOf } from '../wire-description.ts'
import { SPAWN_MODES, TRUST_MODES, wordOf } from '../wire-words.ts'
import { act, actOrRehearse, enforce, type RpcDeps } from './door.ts'
import { mintedToWire } from './peers.ts'
import { shown } from './shown.ts'

type Handlers = Pick<
  ServiceImpl<typeof PeerRegistryService>,
  'prepareChild' | 'rotateBootInvitation' | 'extendBootInvitation' | 'cancelChild' | 'joinParent' | 'takeEnrollment'
>

/** Spawning: what spawn-provisioner asks of a parent's registry, and node-agent of a child's. */
export const spawningHandlers = (deps: RpcDeps): Handlers => ({
  prepareChild: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { spawnId, name, instanceId, metadata = {} } = req
      const by = behalfOf(context, req.onBehalfOf)
      const ttlMs = msOf(req.tokenTtl) ?? 0
      const spawnMode = modeOf(req.spawnMode)
      const said = { us: deps.us, by, spawnId, spawnMode, name, instanceId, ttlMs, metadata }
      const { peer, minted } = await prepareChild(tx, now, said)
      return { peer: await shown(tx, peer, now), invitation: mintedToWire(minted, now, req.dryRun) }
    }),

  rotateBootInvitation: (req, context) =>
    act(deps, async (tx, now) => {
      const ttlMs = msOf(req.tokenTtl) ?? 0
      const said = { us: deps.us, by: requestOf(context), peerId: req.peerId, ttlMs }
      return { invitation: mintedToWire(await rotateBootInvitation(tx, now, said), now, false) }
    }),

  extendBootInvitation: (req) =>
    act(deps, async (tx, now) => {
      const expiresAt = req.expiresAt ? timestampDate(req.expiresAt) : now
      const invitation = await extendBootInvitation(tx, now, { peerId: req.peerId, expiresAt })
      return { invitation: invitationToWire(invitation, now) }
    }),

  async cancelChild(req, context) {
    const { peer } = await enforce(deps, context, async (tx, now) => {
      const said = { us: deps.us, by: behalfOf(context, req.onBehalfOf), peerId: req.peerId, reason: req.reason }
      return { peer: await shown(tx, await cancelChild(tx, now, said), now) }
    })
    return { peer }
  },

  joinParent: (req, context) =>
    act(deps, async (tx, now) => {
      const peer = await joinParent(tx, now, { us: deps.us, by: requestOf(context), ...bootPayloadOf(req) })
      return { peer: await shown(tx, peer, now) }
    }),

  takeEnrollment: (req) =>
    act(deps, async (tx, now) => {
      const enrollment = await takeEnrollment(tx, now, { us: deps.us, peerId: req.peerId, done: req.done })
      return enrollment ? { enrollment } : {}
    }),
})

/** spawn-provisioner acts for an operator, or by itself; only it may call here, so what it says of that is true. */
function behalfOf(context: HandlerContext, onBehalfOf: string): By {
  const by = requestOf(context)
  return onBehalfOf === '' ? by : { ...by, actor: onBehalfOf }
}

function bootPayloadOf(req: JoinParentRequest): Omit<BootPayload, 'us' | 'by'> {
  const identityKey = Buffer.from(checkedKey(req.parentIdentityKey))
  return {
    token: req.acceptanceToken,
    offer: {
      urls: [checkPeerUrl(req.parentUrl)],
      caPin: Buffer.from(req.caPin, 'hex'),
      identityKey,
      platformId: platformIdOf(identityKey),
      platformName: '',
      trustDomain: null,
      window: undefined,
    },
    parentPeerId: req.parentPeerId,
    spawnMode: modeOf(req.spawnMode),
    trustMode: wordOf(TRUST_MODES, req.trustMode) ?? 'hierarchical',
  }
}

function modeOf(said: number): SpawnMode {
  const mode = wordOf(SPAWN_MODES, said)
  if (mode && mode !== 'out_of_band') return mode
  throw new Refusal('REQUEST_INVALID', 'a child is made as managed_child, autonomous_peer or cluster_member')
}
