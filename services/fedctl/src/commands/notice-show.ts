import { Command } from '@commander-js/extra-typings'
import { NoticeSchema } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { noticeSheet } from '../render/notices.ts'
import { uuid } from '../values.ts'
import { wholeNotice } from '../whole-notice.ts'

export const noticeShow = (run: Run) =>
  new Command('show')
    .description('one notice: what it says, who has heard it and signed for it, who has not and why')
    .argument('<notice>', 'its id (see: fedctl notice list)', uuid)
    .action(
      run(async (session, id) => {
        const notice = await wholeNotice(session.clients, id)
        const name = await namePeers(session)
        return { data: { notice: plain(NoticeSchema, notice) }, text: (canvas) => noticeSheet(notice, canvas, name) }
      }),
    )
