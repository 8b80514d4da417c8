import { Command } from '@commander-js/extra-typings'
import { InstanceSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Run } from '../invoke.ts'
import { instance } from '../options.ts'
import { plain } from '../plain.ts'
import { instanceSheet } from '../render/instances.ts'
import { spawnNames } from '../spawn-names.ts'
import { present } from '../written.ts'

export const instanceShow = (run: Run) =>
  new Command('show')
    .description('one machine, and the end of its console')
    .addArgument(instance())
    .action(
      run(async (session, named) => {
        const answer = await session.clients.spawning.getInstance({ instance: named })
        const found = present(answer.instance, 'an instance')
        const name = await spawnNames(session)
        return {
          data: { ...plain(InstanceSchema, found), console: answer.console },
          text: (canvas) => instanceSheet(found, answer.console, canvas, name),
        }
      }),
    )
