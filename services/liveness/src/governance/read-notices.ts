import type { CallOptions, Client } from '@connectrpc/connect'
import type { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { Notice } from '../findings/evidence.ts'
import { everyPage } from './every-page.ts'
import { noticeFrom } from './from-wire.ts'

/** Of each sort the newest are read; one that is still owed is among them, for who cannot be reached is given up. */
const MOST = 2_000

/** What follows from something: a revocation that we were told of asks nothing of anybody any more. */
const SORTS = [
  { kind: 'compromise', direction: 'sent' },
  { kind: 'compromise', direction: 'received' },
  { kind: 'revocation', direction: 'sent' },
] as const

/** The notices that the commitments ask for. Each sort is read for itself, so that nobody who sends many pushes ours out. */
export async function readNotices(
  notices: Pick<Client<typeof NoticeService>, 'listNotices'>,
  call: CallOptions,
): Promise<readonly Notice[]> {
  const read = SORTS.map((sort) =>
    everyPage(async (page) => {
      const { notices: items, nextPageToken: next } = await notices.listNotices({ ...page, ...sort }, call)
      return { items: items.map(noticeFrom), next }
    }, MOST),
  )
  return (await Promise.all(read)).flat()
}
