import { append } from '@powernode/events'
import { nodeMoved } from '../events/node-moved.ts'
import type { Network } from '../network.ts'
import { nodeNews } from '../node-news.ts'
import type { WireGuardInterface } from '../plan.ts'
import * as nodes from '../store/nodes.ts'
import type { Seen } from '../store/nodes.ts'
import type { SdwanTx } from '../store/tables.ts'
import { noteWriter } from './end-deployments.ts'

type Said = {
  readonly nodeId: string
  readonly network: Network
  readonly appliedVersion: string
  readonly rolledBackVersion: string
  readonly rolledBackReason: string
  /** Its northbound database is as that version has it. */
  readonly isOvnDone: boolean
  /** Back ends that differ from what was applied, and how. */
  readonly drifted: readonly string[]
  readonly handshakes: readonly { readonly name: string; readonly publicKey: string; readonly at: Date }[]
  /** As it was sent. */
  readonly report: Uint8Array
}

/**
 * A node says how it is. That it took a version, took one back, or drifts is told once, when it becomes so, and not without end. Whoever was heard
 * over a tunnel has been seen, whichever end says it; a moment that has not come yet is no moment.
 */
export async function reportNode(tx: SdwanTx, now: Date, said: Said): Promise<void> {
  const { nodeId, network, appliedVersion, rolledBackVersion, rolledBackReason, isOvnDone, drifted, report } = said
  const before = await nodes.hold(tx, nodeId)
  const says = { appliedVersion, rolledBackVersion, drifted: drifted.length > 0 }
  const { words, told } = nodeNews(before.told, says, now)
  await nodes.report(tx, { nodeId, ...says, told, report, at: now })
  await nodes.see(tx, seenIn(said, now))
  const plan = network.plan.nodes.get(nodeId)
  if (isOvnDone && plan?.version === appliedVersion) await noteWriter(tx, plan)
  const details = {
    node_applied: { version: appliedVersion, reason: '' },
    node_rolled_back: { version: rolledBackVersion, reason: rolledBackReason },
    node_drifted: { version: appliedVersion, reason: drifted.join('; ').slice(0, 1_024) },
  }
  for (const word of words) await append(tx, nodeMoved(word, { nodeId, ...details[word], at: now }))
}

/**
 * Both ends of a tunnel that shook hands: the member whose interface it is, and the one whose key it was. A node has something to
 * tell of those alone with whom that interface has a tunnel, as it was compiled: of all others it could only call the dead alive.
 */
function seenIn({ nodeId, network, handshakes }: Said, now: Date): readonly Seen[] {
  const own = new Map((network.plan.nodes.get(nodeId)?.interfaces ?? []).map((each) => [each.name, each]))
  const byKey = membersByKey(network)
  const latest = new Map<string, Date>()
  for (const { name, publicKey, at } of handshakes) {
    const tunnel = own.get(name)
    if (!tunnel || at > now) continue
    if (tunnel.owner.kind !== 'member') continue // those at the other end are no members of ours
    if (!peersOf(tunnel).has(publicKey)) continue
    const ends = [tunnel.owner.memberId, byKey.get(publicKey)]
    for (const id of ends) if (id !== undefined && at > (latest.get(id) ?? new Date(0))) latest.set(id, at)
  }
  return [...latest].map(([memberId, at]) => ({ memberId, at }))
}

const peers = new WeakMap<WireGuardInterface, ReadonlySet<string>>()

/** The keys of those with whom an interface has a tunnel: of the [Peer] sections of its configuration. */
function peersOf(tunnel: WireGuardInterface): ReadonlySet<string> {
  const known = peers.get(tunnel) ?? new Set([...tunnel.config.matchAll(/^PublicKey = (\S+)$/gm)].map(([, key = '']) => key)) // prettier-ignore
  peers.set(tunnel, known)
  return known
}

const keys = new WeakMap<object, ReadonlyMap<string, string>>()

function membersByKey({ world: { members } }: Network): ReadonlyMap<string, string> {
  const known =
    keys.get(members) ?? new Map(members.flatMap(({ id, publicKey }) => (publicKey ? [[publicKey, id]] : [])))
  keys.set(members, known)
  return known
}
