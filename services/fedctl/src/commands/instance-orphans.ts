import { Command } from '@commander-js/extra-typings'
import { OrphanSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { orphanTable } from '../render/instances.ts'
import { spawnNames } from '../spawn-names.ts'

export const instanceOrphans = (run: Run) =>
  new Command('orphans')
    .description('what no child needs any more and what is missing: machines, slots, roles, peers; exit 3 when any')
    .action(
      run(async (session) => {
        const { orphans } = await session.clients.spawning.listOrphans({})
        const name = await spawnNames(session)
        return {
          data: { orphans: orphans.map((orphan) => plain(OrphanSchema, orphan)) },
          text: (canvas) => orphanTable(orphans, canvas, name),
          exit: orphans.length > 0 ? EXIT.doneWithOpenItems : EXIT.done,
        }
      }),
    )
