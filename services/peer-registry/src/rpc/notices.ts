import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import type { Tx } from '@powernode/postgres'
import { EnvelopeSchema, type Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import type { Notice, NoticeDirection, NoticeKind } from '../notice.ts'
import { declareCompromise } from '../operations/declare-compromise.ts'
import { receiveCompromise } from '../operations/receive-compromise.ts'
import * as deliveries from '../store/notice-deliveries.ts'
import * as notices from '../store/notices.ts'
import type { Tables } from '../store/tables.ts'
import { deliveryToWire, noticeToWire } from '../wire-notice.ts'
import { act, actOrRehearse, look, pageSize, type RpcDeps } from './door.ts'
import { afterPage, pageToken, UUID } from './page.ts'

/** Who may tell our partners that we were compromised, and who may see what was told. */
export const NOTICE_CALLERS = {
  declareCompromise: ['system.infra_tasks.control'],
  listNotices: ['system.federation.read', 'service/liveness'],
  getNotice: ['system.federation.read'],
  receiveCompromise: ['service/federation-gateway'],
} as const satisfies CallersTable<typeof NoticeService>

/** Signed notices to partners and from them, with their receipts. */
export const noticeHandlers = (deps: RpcDeps): ServiceImpl<typeof NoticeService> => ({
  declareCompromise: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { summary, affected, advice, peerIds } = req
      const discoveredAt = req.discoveredAt ? timestampDate(req.discoveredAt) : now
      const said = { summary, affected, advice, discoveredAt, peerIds, by: requestOf(context) }
      const { notice } = await shown(tx, await declareCompromise(tx, now, said), FIRST_PAGE)
      return { notice }
    }),

  listNotices: (req) =>
    look(deps, async (tx) => {
      const limit = pageSize(req.pageSize)
      const page = await notices.list(tx, {
        direction: oneOf<NoticeDirection>(['sent', 'received'], req.direction),
        kind: oneOf<NoticeKind>(['compromise', 'revocation'], req.kind),
        peerId: req.peerId || undefined,
        beforeId: afterPage(req.pageToken, UUID),
        limit: limit + 1,
      })
      const listed = page.slice(0, limit)
      const last = page.length > limit ? listed.at(-1) : undefined
      const counts = await deliveries.counts(
        tx,
        listed.map(({ id }) => id),
      )
      return {
        notices: listed.map((notice) => noticeToWire(notice, { counts: counts.get(notice.id) })),
        nextPageToken: last ? pageToken(last.id) : '',
      }
    }),

  getNotice: ({ id, pageSize: size, pageToken: token }) =>
    look(deps, async (tx) => {
      const page = { afterId: afterPage(token, UUID), limit: pageSize(size) }
      return shown(tx, await notices.read(tx, id), page)
    }),

  receiveCompromise: ({ peerId, envelope }, context) =>
    act(deps, async (tx, now) => {
      const said = { us: deps.us, by: requestOf(context), peerId, notice: readEnvelope(envelope) }
      return { receipt: toBinary(EnvelopeSchema, await receiveCompromise(tx, now, said)) }
    }),
})

type Page = { readonly afterId: string | undefined; readonly limit: number }

const FIRST_PAGE: Page = { afterId: undefined, limit: pageSize(0) }

/** A notice with one page of whom it has reached. */
async function shown(tx: Tx<Tables>, notice: Notice, page: Page) {
  const found = await deliveries.listOf(tx, notice, { ...page, limit: page.limit + 1 })
  const all = found.slice(0, page.limit)
  const last = found.length > page.limit ? all.at(-1) : undefined
  const counts = (await deliveries.counts(tx, [notice.id])).get(notice.id)
  return {
    notice: noticeToWire(notice, { counts, deliveries: all.map(deliveryToWire) }),
    nextPageToken: last ? pageToken(last.peerId) : '',
  }
}

function readEnvelope(bytes: Uint8Array): Envelope {
  try {
    return fromBinary(EnvelopeSchema, bytes)
  } catch {
    throw new Refusal('NOTICE_INVALID', 'the notice is no envelope')
  }
}

const oneOf = <Word extends string>(words: readonly Word[], said: string): Word | undefined =>
  words.find((word) => word === said)
