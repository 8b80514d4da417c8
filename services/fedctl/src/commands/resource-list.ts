import { Command } from '@commander-js/extra-typings'
import { ResourceSchema, type Resource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { callHeaders, type Shown } from '../bearer.ts'
import type { Run } from '../invoke.ts'
import { bearer, forNode, overNetwork, ofKind, ofPeer } from '../options.ts'
import { ownResources } from '../own-resources.ts'
import { allPages } from '../pages.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { decidedLine, resourceTable } from '../render/resources.ts'
import { resolvePeer } from '../resolve-peer.ts'
import type { Session } from '../session.ts'

type Listed = { readonly resources: readonly Resource[]; readonly decisionId: string }
type Asked = Shown & { readonly peer: string; readonly kind: string }

export const resourceList = (run: Run) =>
  new Command('list')
    .description('our own catalogue; with --peer what the peer shows us of its own')
    .addOption(ofPeer())
    .addOption(ofKind())
    .addOption(bearer())
    .addOption(forNode())
    .addOption(overNetwork())
    .action(
      run(async (session, { peer, kind, ...shown }) => {
        const { resources, decisionId } = peer
          ? await theirs(session, { peer, kind, ...shown })
          : { resources: await ownResources(session, kind), decisionId: '' }
        return {
          data: { resources: resources.map((one) => plain(ResourceSchema, one)), decision_id: decisionId },
          text: (canvas) =>
            [resourceTable(resources, canvas), decidedLine(decisionId, canvas)].filter(Boolean).join('\n'),
        }
      }),
    )

async function theirs(session: Session, { peer, kind, ...shown }: Asked): Promise<Listed> {
  if (kind === '') throw usage('of which kind?', 'fedctl resource list --peer <peer> --kind NodeModule')
  const { id } = await resolvePeer(session, peer)
  const options = callHeaders(id, shown, session.env)
  let decisionId = ''
  const resources = await allPages(
    (pageToken) => session.clients.border.listResources({ kind, pageSize: 100, pageToken }, options),
    (page) => {
      decisionId = page.decisionId
      return page.resources
    },
  )
  return { resources, decisionId }
}
