import type { ServiceImpl } from '@connectrpc/connect'
import { parseBearer } from '@powernode/policy'
import type { GrantNotice } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { SEALED } from '../bearer-seal.ts'
import { receiveNotice } from '../operations/received/receive-notice.ts'
import type { Notice } from '../received-grant.ts'
import * as received from '../store/received-grants.ts'
import { isUuid } from '../uuid.ts'
import { receivedToWire } from '../wire.ts'
import { act, look } from './door.ts'
import { dateOf, filterId, type GrantDeps } from './grant-door.ts'
import { afterPage, pageSize, pageToken } from './page.ts'

type Handlers = Pick<
  ServiceImpl<typeof GrantAuthzService>,
  'listReceivedGrants' | 'receiveGrantNotice' | 'chooseReceivedGrant'
>

/** Grants that peers gave to us. Their bearers leave this process only for the gateway, one at a time. */
export const receivedHandlers = (deps: GrantDeps): Handlers => ({
  listReceivedGrants: (req) =>
    look(deps, async (tx, now) => {
      const limit = pageSize(req.pageSize)
      const last = afterPage(req.pageToken, isPlace)
      const found = await received.page(tx, { peerId: filterId(req.peerId), last, limit: limit + 1 })
      const page = found.slice(0, limit)
      const end = found.length > limit ? page.at(-1) : undefined
      return {
        grants: page.map((grant) => receivedToWire(grant, now)),
        nextPageToken: pageToken(end && `${end.grantId}/${end.peerId}`),
      }
    }),

  async receiveGrantNotice({ peerId, notice: said }) {
    if (!said) throw new Refusal('REQUEST_INVALID', 'a notice says something')
    const notice = noticeFrom(deps, peerId, said)
    await act(deps, (tx, now) => receiveNotice(tx, now, notice))
    return {}
  },

  chooseReceivedGrant: (wanted) =>
    look(deps, async (tx, now) => {
      const grant = await received.fitting(tx, now, wanted)
      if (!grant?.sealedBearer) return {}
      const { peerId, grantId, sealedBearer } = grant
      return { grantId, bearer: deps.sealing.open(sealedBearer, SEALED.received(peerId, grantId)).toString() }
    }),
})

/** Where a page of received grants ends: two grantors may have chosen the same id. */
const isPlace = (said: string): boolean => {
  const [grantId = '', peerId = '', ...more] = said.split('/')
  return isUuid(grantId) && isUuid(peerId) && more.length === 0
}

function noticeFrom({ sealing }: GrantDeps, peerId: string, said: GrantNotice): Notice {
  const grantId = said.grantId.toLowerCase()
  if (!said.issuedAt || !said.expiresAt || said.revision < 1n)
    throw new Refusal('REQUEST_INVALID', 'a notice says when the grant was issued, when it ends, and its revision')
  if (said.revision > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Refusal('REQUEST_INVALID', 'no grant has changed that often', { metadata: { field: 'revision' } })
  if (said.bearer !== '' && (said.what !== 'issued' || parseBearer(said.bearer)?.grantId !== grantId))
    throw new Refusal('REQUEST_INVALID', 'the bearer is not one of this grant', { metadata: { field: 'bearer' } })
  return {
    peerId,
    grantId,
    remoteSubject: textOf(said.remoteSubject),
    resourceKind: textOf(said.resourceKind),
    resourceId: textOf(said.resourceId),
    scopes: said.scopes,
    issuedAt: dateOf(said.issuedAt, 'issued_at'),
    expiresAt: dateOf(said.expiresAt, 'expires_at'),
    what: said.what,
    sealedBearer: said.bearer === '' ? null : sealing.seal(Buffer.from(said.bearer), SEALED.received(peerId, grantId)),
    revision: Number(said.revision),
    reason: textOf(said.reason),
  }
}

/** What a peer writes is shown to operators, and stored: neither takes characters that are none. */
const textOf = (said: string): string => said.replaceAll(/\p{Cc}/gu, '\u{FFFD}')
