import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { peer } from '../options.ts'
import { plainView, viewPeer } from '../peer-view.ts'
import { peerSheet } from '../render/peer-sheet.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { whole } from '../values.ts'

export const peerShow = (run: Run) =>
  new Command('show')
    .description('everything about one peer, from all services')
    .addArgument(peer())
    .option('--events <count>', 'how much of the timeline', whole, 10)
    .action(
      run(async (session, named, { events }) => {
        const view = await viewPeer(session, await resolvePeer(session, named), events)
        return { data: plainView(view), text: (canvas) => peerSheet(view, canvas) }
      }),
    )
