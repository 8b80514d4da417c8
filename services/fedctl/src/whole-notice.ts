import { clone } from '@bufbuild/protobuf'
import { NoticeSchema, type Notice } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { Clients } from './client.ts'
import { allPages } from './pages.ts'
import { present } from './written.ts'

/** A notice with everybody who is to hear it, page after page. */
export async function wholeNotice({ notices }: Pick<Clients, 'notices'>, id: string): Promise<Notice> {
  const pages: Notice[] = []
  const deliveries = await allPages(
    async (pageToken) => {
      const page = await notices.getNotice({ id, pageSize: 1000, pageToken })
      pages.push(present(page.notice, 'a notice'))
      return page
    },
    (page) => page.notice?.deliveries ?? [],
  )
  return { ...clone(NoticeSchema, present(pages.at(-1), 'a notice')), deliveries }
}
