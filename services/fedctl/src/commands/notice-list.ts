import { Command, Option } from '@commander-js/extra-typings'
import { NoticeSchema } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { noticeTable } from '../render/notices.ts'

export const noticeList = (run: Run) =>
  new Command('list')
    .description('what we told partners about ourselves, and they us: the newest first')
    .addOption(new Option('--direction <direction>', 'only those').choices(['sent', 'received'] as const))
    .addOption(new Option('--kind <kind>', 'only those').choices(['compromise', 'revocation'] as const))
    .addOption(ofPeer())
    .action(
      run(async (session, { direction = '', kind = '', peer }) => {
        const filter = { direction, kind, peerId: await peerIdOf(session, peer) }
        const notices = await allPages(
          (pageToken) => session.clients.notices.listNotices({ ...filter, pageSize: 1000, pageToken }),
          (page) => page.notices,
        )
        const name = await namePeers(session)
        return {
          data: { notices: notices.map((notice) => plain(NoticeSchema, notice)) },
          text: (canvas) => noticeTable(notices, canvas, name),
        }
      }),
    )
