import { Command, Option } from '@commander-js/extra-typings'
import { ServiceLevelSchema } from '@powernode/proto/powernode/liveness/v1/level_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { levelTable } from '../render/levels.ts'

const WINDOWS = ['24h', '7d', '30d'] as const

export const slo = (run: Run) =>
  new Command('slo')
    .description(
      'how well peerings have worked: how much of the time beats were fresh both ways, round trips, beats lost',
    )
    .argument('[peer]', 'id, name or platform id; all when not given')
    .addOption(new Option('--window <window>', 'only over this long').choices(WINDOWS))
    .action(
      run(async (session, named, { window }) => {
        const peerId = await peerIdOf(session, named)
        const asked = { peerIds: peerId === '' ? [] : [peerId], windows: window === undefined ? [] : [window] }
        const levels = await allPages(
          (pageToken) => session.clients.levels.listServiceLevels({ ...asked, pageSize: 1000, pageToken }),
          (page) => page.levels,
        )
        const name = await namePeers(session)
        return {
          data: { levels: levels.map((level) => plain(ServiceLevelSchema, level)) },
          text: (canvas) => levelTable(levels, canvas, name),
        }
      }),
    )
