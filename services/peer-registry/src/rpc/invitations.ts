import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import { fingerprintOf, platformIdOf } from '@powernode/identity'
import { InvitationPreviewSchema, type InvitationPreview } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { requestOf, within } from '@powernode/rpc'
import { commonVersion } from '../contract.ts'
import { decodeInvitation, DEFAULT_TTL_MS, type InvitationText } from '../invitation.ts'
import { createInvitation } from '../operations/create-invitation.ts'
import { revokeInvitation } from '../operations/revoke-invitation.ts'
import type { Us } from '../platform.ts'
import * as invitations from '../store/invitations.ts'
import * as peers from '../store/peers.ts'
import { printable } from '../text.ts'
import { checkPeerUrl } from '../url.ts'
import { invitationToWire } from '../wire.ts'
import { msOf, windowToWire } from '../wire-description.ts'
import { act, actOrRehearse, pageSize, type RpcDeps } from './door.ts'
import { afterPage, pageToken, UUID } from './page.ts'
import { mintedToWire } from './peers.ts'

type Handlers = Pick<
  ServiceImpl<typeof PeerRegistryService>,
  'createInvitation' | 'listInvitations' | 'revokeInvitation' | 'previewInvitation'
>

export const invitationHandlers = (deps: RpcDeps): Handlers => ({
  createInvitation: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { peerId, name, note } = req
      const ttlMs = msOf(req.ttl) ?? DEFAULT_TTL_MS
      const minted = await createInvitation(tx, now, { us: deps.us, by: requestOf(context), peerId, name, note, ttlMs })
      return { invitation: mintedToWire(minted, now, req.dryRun) }
    }),

  listInvitations: (req) =>
    act(deps, async (tx, now) => {
      const limit = pageSize(req.pageSize)
      const peerId = req.peerId === '' ? undefined : (await peers.resolve(tx, req.peerId)).id
      const page = await invitations.list(tx, { peerId, afterId: afterPage(req.pageToken, UUID), limit: limit + 1 })
      const last = page.length > limit ? page[limit - 1] : undefined
      return {
        invitations: page.slice(0, limit).map((invitation) => invitationToWire(invitation, now)),
        nextPageToken: last ? pageToken(last.id) : '',
      }
    }),

  revokeInvitation: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const said = { by: requestOf(context), invitationId: req.invitationId }
      return { invitation: invitationToWire(await revokeInvitation(tx, now, said), now) }
    }),

  async previewInvitation(req, context) {
    const text = decodeInvitation(req.invitation)
    text.urls.forEach(checkPeerUrl)
    const caPin = text.caPin.toString('hex')
    const probe = async (url: string) =>
      `${url}: ${(await deps.roads.probeEndpoint({ url, caPin }, within(context))).detail}`
    const reachability = req.probe ? await Promise.all(text.urls.map(probe)) : []
    const peeredAs = await act(deps, (tx) => peers.findByPlatform(tx, platformIdOf(text.identityKey)))
    return { preview: previewOf(deps.us, text, deps.clock.now(), { reachability, peeredAs: peeredAs?.id }) }
  },
})

function previewOf(
  us: Us,
  text: InvitationText,
  now: Date,
  { reachability, peeredAs }: { reachability: readonly string[]; peeredAs: string | undefined },
): InvitationPreview {
  const agreed = commonVersion(us.self.window, text.window)
  const expired = text.expiresAt <= now
  const platformId = platformIdOf(text.identityKey)
  return create(InvitationPreviewSchema, {
    urls: [...text.urls],
    platformId,
    identityFingerprint: fingerprintOf(text.identityKey),
    caPin: text.caPin.toString('hex'),
    trustDomain: text.trustDomain,
    platformName: printable(text.platformName),
    contractWindow: windowToWire(text.window),
    contractVersion: agreed?.version ?? 0,
    expiresAt: timestampFromDate(text.expiresAt),
    expired,
    reachability: [...reachability],
    problems: [
      ...(expired ? ['INVITATION_EXPIRED: it ran out; ask the other operator for a new one'] : []),
      ...(agreed ? [] : ['CONTRACT_VERSION_UNSUPPORTED: there is no common contract version']),
      ...(platformId === us.platformId ? ['PLATFORM_IS_SELF: this is an invitation of our own'] : []),
      ...(text.trustDomain === us.trustDomain ? ['TRUST_DOMAIN_TAKEN: it names our own trust domain'] : []),
      ...(peeredAs ? [`PLATFORM_ALREADY_PEERED: it is our peer ${peeredAs} already`] : []),
    ],
  })
}
