import { Command } from '@commander-js/extra-typings'
import {
  WatchResourcesResponseSchema,
  type WatchResourcesResponse,
} from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { callHeaders } from '../bearer.ts'
import type { Run } from '../invoke.ts'
import { bearer, forNode, overNetwork, whosePeer } from '../options.ts'
import type { Canvas } from '../output.ts'
import { needed } from '../peer-choice.ts'
import { plain } from '../plain.ts'
import { harmless } from '../render/paint.ts'
import { decidedLine } from '../render/resources.ts'
import { what } from '../render/what.ts'
import { resolvePeer } from '../resolve-peer.ts'

export const resourceWatch = (run: Run) =>
  new Command('watch')
    .description("a peer's resources of a kind, then every change, until Ctrl-C or until it is no longer allowed")
    .addOption(whosePeer())
    .requiredOption('--kind <kind>', 'of which kind')
    .option('--id <id>', 'only this one', '')
    .addOption(bearer())
    .addOption(forNode())
    .addOption(overNetwork())
    .option('--limit <count>', 'end after so many', Number, Infinity)
    .action(
      run(async (session, { peer, kind, id, limit, ...shown }) => {
        const how = 'fedctl resource watch --peer <peer> --kind NodeModule'
        const { id: peerId } = await resolvePeer(session, needed(peer, how))
        const options = { ...callHeaders(peerId, shown, session.env), signal: session.signal }
        let count = 0
        try {
          for await (const news of session.clients.border.watchResources({ kind, id }, options)) {
            session.emit({ data: plain(WatchResourcesResponseSchema, news), text: (canvas) => newsLine(news, canvas) })
            count += 1
            if (count >= limit) break
          }
        } catch (error) {
          if (!session.signal.aborted) throw error
        }
        return undefined
      }),
    )

function newsLine({ update }: WatchResourcesResponse, canvas: Canvas): string {
  if (update.case === 'removedId') return harmless(`gone  ${update.value}`)
  if (update.case === 'snapshotDecisionId')
    return canvas.to.dim(`what follows are changes; ${decidedLine(update.value, canvas)}`)
  if (update.case !== 'resource') return ''
  const { kind, id, revision, record } = update.value
  return harmless(`${kind}  ${id}  revision ${revision}  ${what(record)}`)
}
