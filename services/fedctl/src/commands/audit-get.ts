import { Command } from '@commander-js/extra-typings'
import { entryPlace } from '../entry-place.ts'
import { payloadState, plainEntry } from '../entries.ts'
import { DAMAGE_EXIT, EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { ofPeer, entry as entryArgument } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { entrySheet } from '../render/entries.ts'
import { present } from '../written.ts'

export const auditGet = (run: Run) =>
  new Command('get')
    .description('one entry with everything that stands beside it')
    .addArgument(entryArgument())
    .addOption(ofPeer())
    .action(
      run(async (session, text, { peer }) => {
        const answer = await session.clients.ledger.getEntry(await entryPlace(session, text, peer))
        const entry = present(answer.entry, 'an entry')
        const name = await namePeers(session)
        const state = payloadState(entry)
        return {
          data: { log: answer.log, entry: plainEntry(entry), payload_state: state },
          text: (canvas) => entrySheet(answer.log, entry, canvas, name),
          exit: state === 'altered' ? DAMAGE_EXIT.altered_payload : EXIT.done,
        }
      }),
    )
