import { Command } from '@commander-js/extra-typings'
import { KindSchema } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { kindTable } from '../render/resources.ts'

export const resourceKinds = (run: Run) =>
  new Command('kinds')
    .description('which kinds of resource there are here, who serves them, and what peers never see')
    .action(
      run(async (session) => {
        const { kinds } = await session.clients.catalogue.listKinds({})
        return {
          data: { kinds: kinds.map((kind) => plain(KindSchema, kind)) },
          text: (canvas) => kindTable(kinds, canvas),
        }
      }),
    )
