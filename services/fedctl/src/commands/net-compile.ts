import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { NodeStateSchema, type NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { Run } from '../invoke.ts'
import { artifactsOf } from '../net/artifacts.ts'
import type { Intent } from '../net/intent.ts'
import { loadIntent } from '../net/load.ts'
import { nodeNames } from '../net/names-in.ts'
import { isId } from '../net/new-id.ts'
import { plain } from '../plain.ts'
import { compiledText } from '../render/net-nodes.ts'
import { textOf } from '../net/text-of.ts'

export const netCompile = (run: Run) =>
  new Command('compile')
    .description('what follows for the nodes: of all their versions, of one every file that its agent applies')
    .argument('[node]', 'a member (<network>/<name>), or the uuid of a node', '')
    .option('--out <folder>', 'its files go there, as they are')
    .action(
      run(async (session, named, { out }) => {
        const intent = await loadIntent(session)
        const nodeInstanceId = nodeOf(intent, named)
        const { states, warnings } = await session.clients.network.compileNode({ nodeInstanceId })
        if (out !== undefined) for (const state of states) writeArtifacts(resolve(session.env.cwd, out), state)
        return {
          data: { states: states.map((state) => plain(NodeStateSchema, state)), warnings },
          text: (canvas) =>
            compiledText(states, { warnings, whole: named !== '' && out === undefined }, canvas, nodeNames(intent)),
        }
      }),
    )

function nodeOf(intent: Intent, named: string): string {
  if (named === '') return ''
  const isNode = isId(named) && intent.find('member', named) === undefined
  return isNode ? named : textOf(intent.must('member', named).fields['node_instance_id'])
}

function writeArtifacts(folder: string, state: NodeState): void {
  const place = join(folder, state.nodeInstanceId)
  mkdirSync(place, { recursive: true })
  for (const { file, text } of artifactsOf(state)) writeFileSync(join(place, file), text, { mode: 0o600 })
}
