import { create } from '@bufbuild/protobuf'
import { Command } from '@commander-js/extra-typings'
import { ChangeSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { change } from '../net/change.ts'
import { KINDS, type Kind } from '../net/kinds.ts'
import { loadIntent } from '../net/load.ts'
import { dryRun, overrideTests, wait } from '../options.ts'

/** Takes a record away; without --cascade it is refused while others hang on it. */
export const netRecordRemove = (run: Run, kind: Kind, argument: string, verb = 'remove') =>
  new Command(verb)
    .alias(verb === 'remove' ? 'delete' : 'remove')
    .description('take it away; what hangs on it too, with --cascade')
    .argument(argument, 'its name or id')
    .option('--cascade', 'with everything that hangs on it')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const intent = await loadIntent(session)
        const { id } = intent.must(kind, named)
        const below = options.cascade ? intent.allUnder(id).length : 0
        const with_ = below > 0 ? ` with the ${below} records that hang on it` : ''
        if (!options.dryRun) await session.confirm(`Take ${KINDS[kind].word} ${intent.nameOf(id)} away${with_}?`)
        const value = { kind, id, cascade: options.cascade === true }
        return change(session, [create(ChangeSchema, { act: { case: 'delete', value } })], options)
      }),
    )
