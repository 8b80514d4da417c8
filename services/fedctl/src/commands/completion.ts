import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { complete } from '../complete.ts'
import { SCRIPTS, SHELLS } from '../completion-scripts.ts'
import { findContext } from '../context.ts'
import type { Invocation } from '../invoke.ts'

export const completion = ({ env }: Invocation) =>
  new Command('completion')
    .description('a script that teaches your shell to complete fedctl')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell) => env.out(SCRIPTS[shell]))

/** Asked by the scripts on Tab. Silent about every trouble: a shell must not be disturbed while somebody types. */
export const completeWords = (invocation: Invocation, program: () => CommandUnknownOpts) =>
  new Command('__complete').argument('[words...]').action(async (words) => {
    const { candidates, wantsPeer } = complete(program(), words)
    const peers = wantsPeer ? await peerNames(invocation, words) : []
    const current = words.at(-1) ?? ''
    const all = [...candidates, ...peers.filter((name) => name.startsWith(current))]
    invocation.env.out(all.map((candidate) => `${candidate}\n`).join(''))
  })

const PATIENCE_MS = 1_500

async function peerNames({ env, clock, connect }: Invocation, words: readonly string[]): Promise<string[]> {
  const flag = words[words.indexOf('--context') + 1]
  try {
    const clients = connect(findContext(words.includes('--context') ? flag : undefined, env), clock)
    try {
      const { peers } = await clients.peers.listPeers({ pageSize: 100 }, { timeoutMs: PATIENCE_MS })
      return peers.map(({ name, id }) => name || id)
    } finally {
      clients.close()
    }
  } catch {
    return []
  }
}
