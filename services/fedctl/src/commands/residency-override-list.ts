import { Command } from '@commander-js/extra-typings'
import { OverrideSchema } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { overrideTable } from '../render/residency.ts'

export const residencyOverrideList = (run: Run) =>
  new Command('list')
    .description('what was allowed once though residency forbids it: open, used, expired, revoked')
    .addOption(ofPeer())
    .action(
      run(async (session, { peer }) => {
        const peerId = await peerIdOf(session, peer)
        const overrides = await allPages(
          (pageToken) => session.clients.residency.listOverrides({ peerId, pageSize: 1000, pageToken }),
          (page) => page.overrides,
        )
        const name = await namePeers(session)
        return {
          data: { overrides: overrides.map((one) => plain(OverrideSchema, one)) },
          text: (canvas) => overrideTable(overrides, canvas, name),
        }
      }),
    )
