import { Command } from '@commander-js/extra-typings'
import { ResidencySchema } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { residencyTable } from '../render/residency.ts'

export const residencyShow = (run: Run) =>
  new Command('show')
    .description('where data for each peer has to stay, and where the peer says it is, and said when that was set')
    .argument('[peer]', 'id, name or platform id; all when not given')
    .action(
      run(async (session, named) => {
        const peerId = await peerIdOf(session, named)
        const residencies = await allPages(
          (pageToken) => session.clients.residency.listResidencies({ peerId, pageSize: 1000, pageToken }),
          (page) => page.residencies,
        )
        const name = await namePeers(session)
        return {
          data: { residencies: residencies.map((one) => plain(ResidencySchema, one)) },
          text: (canvas) => residencyTable(residencies, canvas, name),
        }
      }),
    )
