import { Command } from '@commander-js/extra-typings'
import { NodeSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { listNodes } from '../net/applied.ts'
import { loadIntent } from '../net/load.ts'
import { nodeNames } from '../net/names-in.ts'
import { plain } from '../plain.ts'
import { nodeTable } from '../render/net-nodes.ts'

export const netNodes = (run: Run) =>
  new Command('nodes')
    .description('what agents say of their nodes: what they have applied, what they took back, what differs')
    .action(
      run(async (session) => {
        const [nodes, intent] = await Promise.all([listNodes(session), loadIntent(session)])
        return {
          data: { nodes: nodes.map((node) => plain(NodeSchema, node)) },
          text: (canvas) => nodeTable(nodes, canvas, nodeNames(intent)),
        }
      }),
    )
