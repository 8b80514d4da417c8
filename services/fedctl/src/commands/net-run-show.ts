import { Command } from '@commander-js/extra-typings'
import { RunSchema } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import type { Run } from '../invoke.ts'
import { uuid } from '../values.ts'
import { plain } from '../plain.ts'
import { runText } from '../render/net-runs.ts'
import { present } from '../written.ts'

export const netRunShow = (run: Run) =>
  new Command('show')
    .description('one run: its steps, what it made, what failed')
    .argument('<run>', 'its id (see: fedctl net run list)', uuid)
    .action(
      run(async (session, runId) => {
        const found = present((await session.clients.network.getRun({ runId })).run, 'a run')
        return { data: { run: plain(RunSchema, found) }, text: (canvas) => runText(found, canvas) }
      }),
    )
