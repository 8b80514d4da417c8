import { Command } from '@commander-js/extra-typings'
import { LogStatusSchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { logIdOf } from '../log-id.ts'
import { allPages } from '../pages.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { lagWords, logStatusText } from '../render/log-status.ts'

export const auditStatus = (run: Run) =>
  new Command('status')
    .description(
      'how far each log has come: written, signed, cosigned by the other side, mirrored there, sealed in files',
    )
    .argument('[peer]', 'only this one: id, name or platform id; "platform" for what concerns no peer')
    .action(
      run(async (session, named) => {
        const log = named === undefined ? '' : await logIdOf(session, named)
        const logs = await allPages(
          (pageToken) => session.clients.ledger.listLogs({ log, pageSize: 1000, pageToken }),
          (page) => page.logs,
        )
        const name = await namePeers(session)
        const now = session.clock.now()
        return {
          data: { logs: logs.map((one) => ({ ...plain(LogStatusSchema, one), lag: lagWords(one, now) })) },
          text: (canvas) => logStatusText(logs, canvas, name),
          exit: logs.some(({ alarm }) => alarm !== '') ? EXIT.doneWithOpenItems : EXIT.done,
        }
      }),
    )
