import { Command } from '@commander-js/extra-typings'
import { ResourceSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { callHeaders, type Shown } from '../bearer.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { bearer, forNode, overNetwork, ofPeer } from '../options.ts'
import { ownResources } from '../own-resources.ts'
import { plain } from '../plain.ts'
import { Problem } from '../problem.ts'
import { decidedLine, resourceSheet } from '../render/resources.ts'
import { resolvePeer } from '../resolve-peer.ts'
import type { Session } from '../session.ts'
import { present } from '../written.ts'

export const resourceShow = (run: Run) =>
  new Command('show')
    .description('one resource with its fields: our own, or with --peer as the peer shows it to us')
    .argument('<kind>', 'for example NodeModule')
    .argument('<id>', 'its id; compared byte by byte')
    .addOption(ofPeer())
    .addOption(bearer())
    .addOption(forNode())
    .addOption(overNetwork())
    .action(
      run(async (session, kind, id, { peer, ...shown }) => {
        const { resource, decisionId } = peer
          ? await theirs(session, { kind, id, peer, ...shown })
          : await ours(session, kind, id)
        return {
          data: { resource: plain(ResourceSchema, resource), decision_id: decisionId },
          text: (canvas) =>
            [resourceSheet(resource, canvas), decidedLine(decisionId, canvas)].filter(Boolean).join('\n\n'),
        }
      }),
    )

async function ours(session: Session, kind: string, id: string) {
  const resource = (await ownResources(session, kind)).find((one) => one.id === id)
  if (resource) return { resource, decisionId: '' }
  throw new Problem({
    reason: 'RESOURCE_NOT_FOUND',
    message: `our catalogue holds no ${kind} ${id}`,
    next: `fedctl resource list --kind ${kind}; with --peer <peer> a peer is asked`,
    exitCode: EXIT.usage,
  })
}

type Asked = Shown & { readonly kind: string; readonly id: string; readonly peer: string }

async function theirs(session: Session, { kind, id, peer, ...shown }: Asked) {
  const { id: peerId } = await resolvePeer(session, peer)
  const answer = await session.clients.border.getResource({ kind, id }, callHeaders(peerId, shown, session.env))
  return { resource: present(answer.resource, 'a resource'), decisionId: answer.decisionId }
}
