import { Command } from '@commander-js/extra-typings'
import { CompatibilitySchema } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { compatibilityTable } from '../render/versions.ts'
import { statusesThere } from '../statuses-there.ts'

export const versionList = (run: Run) =>
  new Command('list')
    .description('how we stand with each peer by its platform version, what the peer says of it, and by whose rule')
    .argument('[peer]', 'id, name or platform id; all when not given')
    .action(
      run(async (session, named) => {
        const peerId = await peerIdOf(session, named)
        const peerIds = peerId === '' ? [] : [peerId]
        const { clients } = session
        let localVersion = ''
        const compatibilities = await allPages(
          (pageToken) => clients.versions.listCompatibility({ peerIds, pageSize: 1000, pageToken }),
          (page) => {
            localVersion = page.localVersion
            return page.compatibilities
          },
        )
        const [name, there] = await Promise.all([namePeers(session), statusesThere(session, peerIds)])
        const rows = compatibilities.map((one) => ({ ...one, statusThere: there.get(one.peerId) ?? '' }))
        return {
          data: {
            local_version: localVersion,
            compatibilities: compatibilities.map((one) => ({
              ...plain(CompatibilitySchema, one),
              status_there: there.get(one.peerId) ?? '',
            })),
          },
          text: (canvas) => compatibilityTable(rows, localVersion, canvas, name),
        }
      }),
    )
