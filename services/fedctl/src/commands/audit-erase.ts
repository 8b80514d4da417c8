import { Command } from '@commander-js/extra-typings'
import { plainEntry } from '../entries.ts'
import type { Run } from '../invoke.ts'
import { logIdOf } from '../log-id.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { entryTable } from '../render/entries.ts'
import { plural } from '../render/words.ts'
import { sequences } from '../values.ts'
import { written } from '../written.ts'

export const auditErase = (run: Run) =>
  new Command('erase')
    .description('delete the payloads of entries for good; the entries stay, and every proof with them')
    .argument('<peer>', 'whose log: id, name or platform id; "platform" for what concerns no peer')
    .argument('<sequence...>', 'which entries: 17, or a range 17-20')
    .requiredOption('--reason <text>', 'why; stands in the log, beside who and when')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, places, { reason, dryRun: isDryRun }) => {
        const request = { log: await logIdOf(session, named), sequences: places.flatMap(sequences), reason }
        // Looked at first, also for the question: nobody should be asked about entries he has not seen.
        const would = await session.clients.ledger.eraseEntries({ ...request, dryRun: true })
        const name = await namePeers(session)
        const going = would.entries.filter(({ salt }) => salt.length > 0)
        if (!isDryRun && going.length > 0) {
          const [first] = going
          const about = going.length === 1 && first ? `entry ${first.sequence}, ${first.action}` : ''
          await session.confirm(`Erase the payload of ${about || plural(going.length, 'entry', 'entries')} for good?`)
        }
        const { entries } = isDryRun ? would : await session.clients.ledger.eraseEntries(request)
        return written({
          dryRun: isDryRun,
          data: { log: request.log, erased: going.length, entries: entries.map(plainEntry) },
          text: (canvas) => {
            const none = entries.length - going.length
            const rest = none > 0 ? `, ${plural(none, 'entry has', 'entries have')} none` : ''
            const be = isDryRun ? 'would be' : going.length === 1 ? 'was' : 'were'
            return `${plural(going.length, 'payload')} ${be} erased${rest}\n${entryTable(entries, canvas, name)}`
          },
        })
      }),
    )
