import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Clients } from '../client.ts'
import { complete, type Named } from '../complete.ts'
import { SCRIPTS, SHELLS } from '../completion-scripts.ts'
import { findContext } from '../context.ts'
import { LIVING } from '../living.ts'
import type { Invocation } from '../invoke.ts'
import { Intent } from '../net/intent.ts'
import type { Kind } from '../net/kinds.ts'

export const completion = ({ env }: Invocation) =>
  new Command('completion')
    .description('a script that teaches your shell to complete fedctl')
    .addArgument(new Argument('<shell>', 'yours').choices(SHELLS))
    .action((shell) => env.out(SCRIPTS[shell]))

/** Asked by the scripts on Tab. Silent about every trouble: a shell must not be disturbed while somebody types. */
export const completeWords = (invocation: Invocation, program: () => CommandUnknownOpts) =>
  new Command('__complete').argument('[words...]').action(async (words) => {
    const { candidates, wants } = complete(program(), words)
    const names = wants ? await knownNames(wants, invocation, words) : []
    const current = words.at(-1) ?? ''
    const all = [...candidates, ...names.filter((name) => name.startsWith(current))]
    invocation.env.out(all.map((candidate) => `${candidate}\n`).join(''))
  })

const PATIENCE = { timeoutMs: 1_500 }
const PAGE = { pageSize: 100 }

/** Who tells which names. */
const NAMES: Readonly<Record<Named, (clients: Clients) => Promise<string[]>>> = {
  peer: async ({ peers }) => (await peers.listPeers(PAGE, PATIENCE)).peers.map(({ name, id }) => name || id),
  child: async ({ spawning }) =>
    (await spawning.listChildren({ ...PAGE, states: LIVING }, PATIENCE)).children.map(({ hostname }) => hostname),
  template: async ({ spawning }) => (await spawning.listTemplates({}, PATIENCE)).templates.map(({ name }) => name),
  provider: async ({ spawning }) => (await spawning.listProviders({}, PATIENCE)).providers.map(({ name }) => name),
  network: async (clients) => named(clients, 'network'),
  member: async (clients) => named(clients, 'member'),
  instance: async ({ spawning }) =>
    (await spawning.listInstances(PAGE, PATIENCE)).instances.map(({ hostname }) => hostname),
}

async function named({ network }: Clients, kind: Kind): Promise<string[]> {
  const { items } = await network.listIntent({ pageSize: 1000 }, PATIENCE)
  const intent = Intent.of(items, new Map())
  return intent.ofKind(kind).map(({ id }) => intent.nameOf(id))
}

async function knownNames(wants: Named, { env, clock, connect }: Invocation, words: readonly string[]) {
  const flag = words[words.indexOf('--context') + 1]
  try {
    const clients = connect(findContext(words.includes('--context') ? flag : undefined, env), clock)
    try {
      return await NAMES[wants](clients)
    } finally {
      clients.close()
    }
  } catch {
    return []
  }
}
