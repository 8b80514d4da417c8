import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const USAGE = `npm run demo [-- options]

  Starts two whole platforms, A and B, lets them become peers and use each other's resources, and stays up until Ctrl-C.
  With --spawn: starts one, A, that makes a child of this mode, which comes up already federated.
  With --lab: both compose a network, and agents in namespaces of this machine carry a ping across. Needs root.

  --spawn MODE  managed_child, autonomous_peer or cluster_member
  --lab         real tunnels and routes between members of A and B; says what is missing where it cannot
  --provider KIND  what makes the child's machine: process (default), or qemu where it is installed
  --once        stop when all of it is done
  --json        print one JSON object as the last line of stdout; the progress goes to stderr
  --fresh       forget what an earlier demo left, and start over
  --data DIR    keep the data there instead of in .data
  --help        this text
`

export const MODES = ['managed_child', 'autonomous_peer', 'cluster_member'] as const
export type Mode = (typeof MODES)[number]
export const PROVIDERS = ['process', 'qemu'] as const

/** A child of this mode, on a machine of this kind. */
export type Spawn = { readonly mode: Mode; readonly provider: (typeof PROVIDERS)[number] }

export type DemoOptions = {
  readonly spawn: Spawn | undefined
  /** Nodes with agents, and packets between them. */
  readonly lab: boolean
  readonly once: boolean
  readonly json: boolean
  readonly fresh: boolean
  readonly data: string
  readonly help: boolean
}

/** What was typed. Throws with a sentence for a person when it makes no sense. */
export function demoOptions(args: readonly string[], root: string): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      data: { type: 'string' },
      lab: { type: 'boolean', default: false },
      spawn: { type: 'string' },
      provider: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const { once, json, fresh, help, data, lab } = values
  if (lab && values.spawn !== undefined) throw new Error('--lab and --spawn are two stories: one at a time')
  return { once, json, fresh, help, lab, spawn: spawnOf(values), data: resolve(data ?? resolve(root, '.data')) }
}

function spawnOf({
  spawn,
  provider,
}: {
  spawn?: string | undefined
  provider?: string | undefined
}): Spawn | undefined {
  if (spawn === undefined && provider !== undefined)
    throw new Error('--provider says what makes the machine of --spawn')
  if (spawn === undefined) return undefined
  return { mode: oneOf(MODES, '--spawn', spawn), provider: oneOf(PROVIDERS, '--provider', provider ?? 'process') }
}

function oneOf<T extends string>(words: readonly T[], option: string, said: string): T {
  const word = words.find((known) => known === said)
  if (word === undefined) throw new Error(`${option} ${said}: there are ${words.join(', ')}`)
  return word
}
