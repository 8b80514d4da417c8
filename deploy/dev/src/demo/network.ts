import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Display } from '../display.ts'
import { type Platform } from '../platform.ts'
import { commandLine, fedctl } from './fedctl.ts'

/** What became of the network of one platform. */
export type Overlay = {
  readonly network: string
  /** What composing it would do, as it was rehearsed; empty when it was there already. */
  readonly plan: readonly string[]
  readonly sha256: string
  readonly prefix: string
  readonly members: readonly { readonly name: string; readonly address: string; readonly node: string }[]
  /** What follows for its nodes: the version of each, and the files that its agent applies. */
  readonly compiled: readonly { readonly node: string; readonly version: string; readonly files: readonly string[] }[]
}

/** A machine that comes into the network: its agent shows a certificate with this id. */
export type NewNode = { readonly id: string; readonly endpoint?: string }

type Told = {
  readonly side: Platform
  /** What the other platform is called here. */
  readonly peer: string
  readonly hub: NewNode
  readonly web: NewNode
}

export const NETWORK = 'demo'

/** The nodes of a demo without machines: nobody answers for them, and what follows for each is compiled all the same. */
export const PAPER_NODES = {
  a: { hub: { id: '0198de00-0000-7000-8000-0000000000a1', endpoint: '192.0.2.1:51820' }, web: { id: '0198de00-0000-7000-8000-0000000000a2' } }, // prettier-ignore
} as const

/**
 * A network from nothing to the files of its nodes, by the commands an operator would type: composed with --dry-run first, and
 * its plan shown; then composed; then compiled. Where an earlier demo made it of the same nodes, it is only compiled; where
 * machines are there now and it was made of others, that are gone, it is made anew.
 */
export async function overlay({ side, peer, hub, web }: Told, display: Display, signal: AbortSignal): Promise<Overlay> {
  const name = side.name.toUpperCase()
  const type = <T>(step: string, args: readonly string[]): Promise<T> =>
    display.step(step, (say) => {
      say(commandLine(side, args))
      return fedctl<T>(side, args, signal)
    })
  for (const [role, { id }] of Object.entries({ hub, web })) {
    const folder = join(side.dir, 'nodes', id)
    if (!existsSync(folder))
      await type(`${name} gives a node a certificate: ${role}`, ['cert', 'issue', id, '--kind', 'instance', '--out', folder]) // prettier-ignore
  }
  const { account_bgp: bgp } = await fedctl<{ account_bgp: readonly object[] }>(side, ['net', 'bgp', 'list'], signal)
  if (bgp.length === 0)
    await type(`${name} takes part in BGP`, ['net', 'bgp', 'add', '--set', 'default_local_pref=100'])
  // What it said of itself when we became peers: where its networks lie.
  const { prefix_advertisement: theirs = '' } = await fedctl<Described>(side, ['peer', 'show', peer], signal)
  const words = [
    'net', 'compose', NETWORK, '--hub', `hub=${hub.id}@${hub.endpoint ?? ''}`, '--spoke', `web=${web.id}`,
    '--routing', 'ibgp', '--peer', peer, ...(theirs ? ['--accept', theirs] : []),
  ] // prettier-ignore
  const { networks } = await fedctl<{ networks: readonly Network[] }>(side, ['net', 'list'], signal)
  let isThere = networks.some(({ slug }) => slug === NETWORK)
  if (isThere && (await isOfOthers({ side, hub, web }, signal))) {
    await type(`${name} takes away the network of an earlier demo: its nodes are gone`, ['net', 'delete', NETWORK, '--cascade', '--yes']) // prettier-ignore
    isThere = false
  }
  let plan: Run['plan']
  let actions: readonly string[] = []
  if (!isThere) {
    const rehearsed = await type<{ run: Run }>(`${name} rehearses a network, and the road to ${peer.toUpperCase()}`, [...words, '--dry-run']) // prettier-ignore
    ;({ planned_actions: actions, plan } = rehearsed.run)
    display.print(actions.map((action) => `      - ${action}`).join('\n'))
    const { run } = await type<{ run: Run }>(`${name} composes it`, [...words, '--wait'])
    if (run.state !== 'done')
      throw new Error(`the run is ${run.state}: ${run.failures.map(({ message }) => message).join('; ')}`)
  }
  const { states } = await type<{ states: readonly State[] }>(`${name} compiles it`, ['net', 'compile'])
  const compiled = await Promise.all(states.map(({ node_instance_id: id }) => filesOf(side, id, signal)))
  const made = await fedctl<{ networks: readonly Network[] }>(side, ['net', 'list'], signal)
  const members = await membersOf(side, signal)
  return {
    network: NETWORK,
    plan: actions,
    sha256: plan?.sha256 ?? '',
    prefix: made.networks.find(({ slug }) => slug === NETWORK)?.cidr_64 ?? '',
    members: members.map(({ name: member, assigned_address: address, node_instance_id: node }) => ({ name: member, address, node })), // prettier-ignore
    compiled,
  }
}

const PAPER: ReadonlySet<string> = new Set(Object.values(PAPER_NODES.a).map(({ id }) => id))

/** Whether a member stands at another machine than the one that is there now. Who brings none has nothing to put in its place. */
async function isOfOthers(
  { side, hub, web }: Pick<Told, 'side' | 'hub' | 'web'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (PAPER.has(hub.id)) return false
  const members = await membersOf(side, signal)
  return Object.entries({ hub, web }).some(([role, { id }]) =>
    members.some(({ name, node_instance_id: node }) => name === role && node !== id),
  )
}

const membersOf = async (side: Platform, signal: AbortSignal): Promise<readonly Member[]> =>
  (await fedctl<{ members: readonly Member[] }>(side, ['net', 'member', 'list', '--network', NETWORK], signal)).members

type Described = { readonly prefix_advertisement?: string }
type Network = { readonly slug: string; readonly cidr_64: string }
type Member = { readonly name: string; readonly assigned_address: string; readonly node_instance_id: string }
type Run = {
  readonly state: string
  readonly planned_actions: readonly string[]
  readonly plan?: { readonly sha256: string }
  readonly failures: readonly { readonly message: string }[]
}
type State = {
  readonly node_instance_id: string
  readonly version: string
  readonly interfaces?: readonly { readonly name: string }[]
  readonly nftables?: string
  readonly frr?: string
}

async function filesOf(side: Platform, node: string, signal: AbortSignal) {
  const { states } = await fedctl<{ states: readonly State[] }>(side, ['net', 'compile', node], signal)
  const [state] = states
  const files = [
    ...(state?.interfaces ?? []).map(({ name }) => `${name}.conf`),
    ...(state?.nftables ? ['powernode.nft'] : []),
    ...(state?.frr ? ['frr.conf'] : []),
  ]
  return { node, version: state?.version ?? '', files }
}
