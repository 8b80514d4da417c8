import { create } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import type { Peer as WirePeer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { MintedInvitationSchema, type MintedInvitation } from '@powernode/proto/powernode/peer/v1/invitation_pb.ts'
import { type PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Tx } from '@powernode/postgres'
import { requestOf, within } from '@powernode/rpc'
import type { Minted } from '../operations/create-invitation.ts'
import { holdInvitation } from '../operations/hold-invitation.ts'
import { resumePeer } from '../operations/resume-peer.ts'
import { suspendPeer } from '../operations/suspend-peer.ts'
import { updatePeer } from '../operations/update-peer.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { invitationToWire } from '../wire.ts'
import { KINDS, SPAWN_MODES, STATES, wordOf } from '../wire-words.ts'
import { accept, accepting } from './acts/accept.ts'
import { propose, proposing, repeer, repeering, type Proposed } from './acts/propose.ts'
import { revoke, revoking } from './acts/revoke.ts'
import { act, actOrRehearse, enforce, look, pageSize, type RpcDeps } from './door.ts'
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
  async proposePeer(req, context) {
    const doing = (tx: Tx<Tables>, now: Date) => propose(tx, now, { us: deps.us, by: requestOf(context), req })
    await deps.gate.pass(context, proposing(req, { rehearse: () => actOrRehearse(deps, true, doing) }))
    return actOrRehearse(deps, req.dryRun, async (tx, now) => proposedToWire(tx, now, await doing(tx, now), req.dryRun))
  },

  async acceptInvitation(req, context) {
    const doing = (tx: Tx<Tables>, now: Date) => accept(tx, now, { us: deps.us, by: requestOf(context), req })
    await deps.gate.pass(
      context,
      accepting(req, {
        rehearse: () => actOrRehearse(deps, true, doing),
        hold: ({ approvalId, ...key }) =>
          act(deps, (tx, now) => holdInvitation(tx, now, { us: deps.us, key, invitation: req.invitation, approvalId })),
      }),
    )
    return actOrRehearse(deps, req.dryRun, async (tx, now) => ({ peer: await shown(tx, await doing(tx, now), now) }))
  },

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

  async revokePeer(req, context) {
    const doing = (tx: Tx<Tables>, now: Date) => revoke(tx, now, { us: deps.us, by: requestOf(context), req })
    const rehearse = async () => (await actOrRehearse(deps, true, doing)).effects
    await deps.gate.pass(context, revoking(req, { rehearse }))
    return enforce(deps, { dryRun: req.dryRun, signal: context.signal }, async (tx, now) => {
      const { peer, effects } = await doing(tx, now)
      return { peer: await shown(tx, peer, now), effects: [...effects] }
    })
  },

  async repeerPeer(req, context) {
    const doing = (tx: Tx<Tables>, now: Date) => repeer(tx, now, { us: deps.us, by: requestOf(context), req })
    await deps.gate.pass(context, repeering(req, { rehearse: () => actOrRehearse(deps, true, doing) }))
    return actOrRehearse(deps, req.dryRun, async (tx, now) => proposedToWire(tx, now, await doing(tx, now), req.dryRun))
  },
})

// oxlint-disable-next-line max-params -- a verb's three, and whether it is one
async function proposedToWire(tx: Tx<Tables>, now: Date, { peer, minted }: Proposed, dryRun: boolean) {
  return { peer: await shown(tx, peer, now), ...(minted && { invitation: mintedToWire(minted, now, dryRun) }) }
}

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
