import { Command } from '@commander-js/extra-typings'
import { GetTopologyResponseSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { loadIntent } from '../net/load.ts'
import { network } from '../options.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { topologyText } from '../render/net-nodes.ts'
import { topologyDot } from '../render/topology-dot.ts'
import { topologySvg } from '../render/topology-svg.ts'

export const netTopology = (run: Run) =>
  new Command('topology')
    .description('who is connected with whom: as a table, or as a picture')
    .addArgument(network())
    .option('--svg', 'as a picture for a page')
    .option('--dot', 'for Graphviz')
    .action(
      run(async (session, named, { svg, dot }) => {
        if (svg && dot) throw usage('one picture at a time', '--svg, or --dot')
        const intent = await loadIntent(session)
        const asked = await session.clients.network.getTopology({ network: intent.must('network', named).id })
        // The service knows peers by their ids only.
        const vertices = asked.vertices.map((vertex) => (vertex.role === 'federation_peer' ? { ...vertex, name: intent.nameOf(vertex.memberId) } : vertex)) // prettier-ignore
        const topology = { ...asked, vertices }
        return {
          data: plain(GetTopologyResponseSchema, topology),
          text: (canvas) =>
            svg ? topologySvg(topology) : dot ? topologyDot(topology) : topologyText(topology, canvas),
        }
      }),
    )
