import { create } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import type { Peer as WirePeer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  MintedInvitationSchema,
  type MintedInvitation,
  type PeerRegistryService,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { requestOf, within } from '@powernode/rpc'
import { DEFAULT_TTL_MS } from '../invitation.ts'
import { readOffer } from '../offer.ts'
import { acceptInvitation } from '../operations/accept-invitation.ts'
import { createInvitation, type Minted } from '../operations/create-invitation.ts'
import { proposePeer } from '../operations/propose-peer.ts'
import { repeerPeer } from '../operations/repeer-peer.ts'
import { resumePeer } from '../operations/resume-peer.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import { suspendPeer } from '../operations/suspend-peer.ts'
import { updatePeer } from '../operations/update-peer.ts'
import * as peers from '../store/peers.ts'
import { invitationToWire, KINDS, msOf, SPAWN_MODES, SPAWN_ROLES, STATES, TRUST_MODES, wordOf } from '../wire.ts'
import { actOrRehearse, enforce, look, pageSize, type RpcDeps } from './door.ts'
import { afterPage, pageToken, UUID } from './page.ts'
import { allShown, shown } from './shown.ts'

type Handlers = Pick<
  ServiceImpl<typeof PeerRegistryService>,
  | 'proposePeer'
  | 'acceptInvitation'
  | 'listPeers'
  | 'getPeer'
  | 'updatePeer'
  | 'suspendPeer'
  | 'resumePeer'
  | 'revokePeer'
  | 'repeerPeer'
>

/** What an operator does with peers: wire to plain values, one verb, and back. */
export const peerHandlers = (deps: RpcDeps): Handlers => ({
  proposePeer: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const by = requestOf(context)
      const peer = await proposePeer(tx, now, {
        us: deps.us,
        by,
        url: req.url,
        name: req.name,
        kind: wordOf(KINDS, req.kind) ?? 'platform',
        spawnRole: wordOf(SPAWN_ROLES, req.spawnRole) ?? 'symmetric',
        spawnMode: wordOf(SPAWN_MODES, req.spawnMode) ?? 'out_of_band',
        parentPeerId: req.parentPeerId || null,
        accountId: req.accountId || null,
        remoteAccountId: req.remoteAccountId || null,
        environmentId: req.environmentId || null,
        prefixAdvertisement: req.prefixAdvertisement,
        metadata: req.metadata ?? {},
        platformId: req.platformId || null,
        previousPeerId: null,
      })
      if (req.withoutInvitation) return { peer: await shown(tx, peer, now) }
      const ttlMs = msOf(req.invitationTtl) ?? DEFAULT_TTL_MS
      const said = { us: deps.us, by, peerId: peer.id, name: req.invitationName, note: req.note, ttlMs }
      const minted = await createInvitation(tx, now, said)
      return { peer: await shown(tx, peer, now), invitation: mintedToWire(minted, now, req.dryRun) }
    }),

  acceptInvitation: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const peer = await acceptInvitation(tx, now, {
        us: deps.us,
        by: requestOf(context),
        offer: readOffer(req),
        name: req.name,
        trustMode: wordOf(TRUST_MODES, req.trustMode) ?? 'symmetric',
        metadata: req.metadata ?? {},
      })
      return { peer: await shown(tx, peer, now) }
    }),

  listPeers: (req) =>
    look(deps, async (tx, now) => {
      const limit = pageSize(req.pageSize)
      const page = await peers.list(tx, {
        states: req.states.flatMap((state) => wordOf(STATES, state) ?? []),
        kind: wordOf(KINDS, req.kind),
        spawnMode: wordOf(SPAWN_MODES, req.spawnMode),
        afterId: afterPage(req.pageToken, UUID),
        limit: limit + 1,
      })
      const last = page.length > limit ? page[limit - 1] : undefined
      return { peers: await allShown(tx, page.slice(0, limit), now), nextPageToken: last ? pageToken(last.id) : '' }
    }),

  async getPeer(req, context) {
    const peer = await look(deps, async (tx, now) => shown(tx, await peers.resolve(tx, req.peer), now))
    return { peer: await withEndpointHealth(deps, peer, context) }
  },

  updatePeer: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { peerId, name, url, metadata } = req
      const peer = await updatePeer(tx, now, { by: requestOf(context), peerId, name, url, metadata })
      return { peer: await shown(tx, peer, now) }
    }),

  suspendPeer: (req, context) =>
    enforce(deps, { dryRun: req.dryRun, signal: context.signal }, async (tx, now) => {
      const { peerId, reason } = req
      return { peer: await shown(tx, await suspendPeer(tx, now, { by: requestOf(context), peerId, reason }), now) }
    }),

  resumePeer: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { peerId, reason } = req
      return { peer: await shown(tx, await resumePeer(tx, now, { by: requestOf(context), peerId, reason }), now) }
    }),

  revokePeer: (req, context) =>
    enforce(deps, { dryRun: req.dryRun, signal: context.signal }, async (tx, now) => {
      const { peerId, reason } = req
      const { peer, effects } = await revokePeer(tx, now, { us: deps.us, by: requestOf(context), peerId, reason })
      return { peer: await shown(tx, peer, now), effects: [...effects] }
    }),

  repeerPeer: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const ttlMs = msOf(req.invitationTtl) ?? DEFAULT_TTL_MS
      const said = { us: deps.us, by: requestOf(context), peerId: req.peerId, note: req.note, ttlMs }
      const { peer, minted } = await repeerPeer(tx, now, said)
      return { peer: await shown(tx, peer, now), invitation: mintedToWire(minted, now, req.dryRun) }
    }),
})

const ASK_GATEWAY_MS = 500

/** How the gateway fared with the peer's endpoints. A gateway that is away leaves them unsaid: the peer itself is known. */
async function withEndpointHealth({ roads }: RpcDeps, peer: WirePeer, context: HandlerContext): Promise<WirePeer> {
  if (peer.endpoints.length === 0) return peer
  const options = { ...within(context), timeoutMs: ASK_GATEWAY_MS }
  const asked = await roads.listEndpoints({ peerIds: [peer.id] }, options).catch(() => undefined)
  if (!asked) return peer
  const fared = new Map(asked.endpoints.map((health) => [health.url, health]))
  for (const shownEndpoint of peer.endpoints) {
    const health = fared.get(shownEndpoint.endpoint?.url ?? '')
    shownEndpoint.status = health?.status ?? 'untried'
    if (health?.lastVerifiedAt) shownEndpoint.lastVerifiedAt = health.lastVerifiedAt
    if (health?.lastFailureAt) shownEndpoint.lastFailureAt = health.lastFailureAt
    shownEndpoint.lastFailureError = health?.lastFailureError ?? ''
  }
  return peer
}

/** An invitation as it is shown, once. A rehearsal mints nothing, so it shows no token. */
export function mintedToWire({ invitation, text, token }: Minted, now: Date, dryRun: boolean): MintedInvitation {
  const shownOnce = dryRun ? {} : { text, acceptanceToken: token, command: `fedctl peer accept ${text}` }
  return create(MintedInvitationSchema, { invitation: invitationToWire(invitation, now), ...shownOnce })
}
