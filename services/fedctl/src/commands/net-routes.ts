import { Command } from '@commander-js/extra-typings'
import { GetRoutingSummaryResponseSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { loadIntent } from '../net/load.ts'
import { network } from '../options.ts'
import { plain } from '../plain.ts'
import { routeTable } from '../render/net-nodes.ts'

export const netRoutes = (run: Run) =>
  new Command('routes')
    .description('every route of a network, whose it is, and whether it stands in a real table or is only intended')
    .addArgument(network())
    .action(
      run(async (session, named) => {
        const intent = await loadIntent(session)
        const summary = await session.clients.network.getRoutingSummary({ network: intent.must('network', named).id })
        return {
          data: plain(GetRoutingSummaryResponseSchema, summary),
          text: (canvas) => routeTable(summary, canvas, intent.nameOf),
        }
      }),
    )
