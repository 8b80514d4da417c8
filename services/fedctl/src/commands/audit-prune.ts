import { Command } from '@commander-js/extra-typings'
import { PruneLogResponseSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { logIdOf } from '../log-id.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { harmless } from '../render/paint.ts'
import { plural } from '../render/words.ts'
import { wholeNumber } from '../values.ts'
import { written } from '../written.ts'

export const auditPrune = (run: Run) =>
  new Command('prune')
    .description(
      'drop the oldest entries of a log, by whole segments of 256; their hashes stay, and a signed statement',
    )
    .argument('<peer>', 'whose log: id, name or platform id; "platform" for what concerns no peer')
    .requiredOption('--below <sequence>', 'entries before this one go; rounded down to whole segments', wholeNumber)
    .requiredOption('--reason <text>', 'why; stands in the statement')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { below, reason, dryRun: isDryRun }) => {
        const request = { log: await logIdOf(session, named), below, reason }
        const would = await session.clients.ledger.pruneLog({ ...request, dryRun: true })
        const many = (count: bigint) => plural(Number(count), 'entry', 'entries')
        if (!isDryRun) {
          const question = `Drop ${many(would.entries)}, all before ${would.prunedBelow}, for good?`
          await session.confirm(`${question} Exports and the peer's mirror keep theirs.`)
        }
        const done = isDryRun ? would : await session.clients.ledger.pruneLog(request)
        return written({
          dryRun: isDryRun,
          data: { log: request.log, ...plain(PruneLogResponseSchema, done) },
          text: ({ to }) =>
            [
              `${many(done.entries)} ${isDryRun ? 'would be' : 'were'} dropped; the log begins at ${done.prunedBelow}`,
              done.statement && to.dim(harmless(done.statement)),
            ]
              .filter(Boolean)
              .join('\n\n'),
        })
      }),
    )
