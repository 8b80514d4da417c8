import type { Node } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { allPages } from '../pages.ts'
import { plural } from '../render/words.ts'
import type { Session } from '../session.ts'
import { until } from '../wait.ts'

/** What agents last said of their nodes. */
export const listNodes = ({ clients }: Session): Promise<Node[]> =>
  allPages(
    (pageToken) => clients.network.listNodes({ pageSize: 1000, pageToken }),
    (page) => page.nodes,
  )

export const hasApplied = ({ desiredVersion, report }: Node): boolean =>
  desiredVersion !== '' && report?.appliedVersion === desiredVersion

/** Waits until the agents of these nodes say that they have what they should, tried and confirmed. */
export async function untilApplied(session: Session, nodeIds: readonly string[], ms: number): Promise<void> {
  await until(session, {
    ms,
    look: async () => {
      const applied = new Set((await listNodes(session)).filter(hasApplied).map((node) => node.nodeInstanceId))
      return nodeIds.filter((id) => !applied.has(id))
    },
    judge: (late) => (late.length === 0 ? 'done' : 'not yet'),
    missing: (late) => ({
      message: `it is written, and ${plural(late.length, 'node')} had not applied it: ${late.slice(0, 5).join(', ')}`,
      next: 'fedctl net nodes',
    }),
  })
}
