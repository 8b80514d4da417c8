import { Command } from '@commander-js/extra-typings'
import { GetLedgerKeysResponseSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { keysText, vkeyLines } from '../render/ledger-keys.ts'

export const auditKeys = (run: Run) =>
  new Command('keys')
    .description(
      'who signs our logs and witnesses them, and who does so for the logs of our peers: keys to verify with',
    )
    .option('--vkeys', 'only the keys, one a line, for a file: fedctl audit keys --vkeys > keys.vkeys')
    .action(
      run(async (session, { vkeys }) => {
        const keys = await session.clients.ledger.getLedgerKeys({})
        const name = await namePeers(session)
        return {
          data: plain(GetLedgerKeysResponseSchema, keys),
          text: (canvas) => (vkeys ? vkeyLines(keys) : keysText(keys, canvas, name)),
        }
      }),
    )
