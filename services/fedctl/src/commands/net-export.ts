import { Command } from '@commander-js/extra-typings'
import { stringify } from 'yaml'
import type { Run } from '../invoke.ts'
import { intentTree } from '../net/export.ts'
import { loadIntent } from '../net/load.ts'

/** Read again by `net plan -f`, it changes nothing. */
export const netExport = (run: Run) =>
  new Command('export')
    .description('what is wanted of the network, as the file that makes it so')
    .option('--network <network>', 'only this one')
    .action(
      run(async (session, { network }) => {
        const intent = await loadIntent(session)
        const only = network === undefined ? undefined : intent.nameOf(intent.must('network', network).id)
        const tree = intentTree(intent, only)
        return { data: tree, text: () => stringify(tree) }
      }),
    )
