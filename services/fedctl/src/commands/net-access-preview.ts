import { Command } from '@commander-js/extra-typings'
import { PreviewPrefixAccessResponseSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { loadIntent } from '../net/load.ts'
import { peer } from '../options.ts'
import { plain } from '../plain.ts'
import { previewText } from '../render/net-nodes.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { listed } from '../values.ts'

export const netAccessPreview = (run: Run) =>
  new Command('preview')
    .description("whether a peer's prefixes could be routed: what overlaps, and with whom; changes nothing")
    .addArgument(peer())
    .option('--prefix <prefixes>', 'these (default: what the peer advertises); by commas', listed)
    .action(
      run(async (session, named, { prefix = [] }) => {
        const { id: peerId } = await resolvePeer(session, named)
        const preview = await session.clients.network.previewPrefixAccess({ peerId, prefixes: prefix })
        const { nameOf } = await loadIntent(session)
        return {
          data: plain(PreviewPrefixAccessResponseSchema, preview),
          text: (canvas) => previewText(preview, canvas, nameOf),
          exit: preview.overlaps.length > 0 ? EXIT.refusedByPolicy : EXIT.done,
        }
      }),
    )
