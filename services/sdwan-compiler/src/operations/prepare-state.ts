import { createHash } from 'node:crypto'
import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { heldKey } from '../held-key.ts'
import type { Network, NetworkCompiler } from '../network.ts'
import type { NodePlan, WireGuardInterface } from '../plan.ts'
import { networkSecretContext, openedIfWeCan, pairKey } from '../secrets.ts'
import * as secrets from '../store/network-secrets.ts'
import type { SdwanTx } from '../store/tables.ts'
import { emptyPlan, stateToWire } from '../wire-node.ts'
import { readNetwork } from './read-network.ts'
import { roadKey } from './road-key.ts'
import type { Sealing } from './settle-offers.ts'

type Said = {
  readonly nodeId: string
  readonly compiler: NetworkCompiler
  readonly sealing: Sealing
  /** Our own platform's id, by which both ends of a tunnel to a peer derive one key. */
  readonly platformId: string
}

/**
 * What a node has to look like, with the preshared keys of its own tunnels filled in: for that node, and nobody else. The network
 * is read again in this transaction, so that keys and plan are of one moment.
 *
 * A secret that cannot be opened keeps nothing else from the node: a rule that was closed MUST be closed there. What it is for is
 * withheld, and the state has a version of its own, so that the whole one is sent once there are keys again.
 */
export async function preparedFor(
  tx: SdwanTx,
  now: Date,
  { nodeId, compiler, sealing, platformId }: Said,
): Promise<NodeState> {
  const network = await readNetwork(tx, now, { compiler })
  const plan = network.plan.nodes.get(nodeId) ?? emptyPlan(nodeId)
  const keys = new Map<string, Readonly<Record<string, string>>>()
  const withheld = new Map<string, readonly string[]>()
  const sealed = await secrets.of(tx, networksOf(network, plan))
  for (const each of plan.interfaces) {
    const found: Record<string, string> = {}
    for (const { publicKey, pair } of each.preshared) {
      const key =
        each.owner.kind === 'crossing'
          ? await roadKey(tx, { pair, sealing, platformId })
          : memberKey(network, each, { pair, sealed, sealing })
      if (key !== undefined) found[publicKey] = key
    }
    keys.set(each.name, found)
    const without = each.preshared.flatMap(({ publicKey }) => (found[publicKey] === undefined ? [publicKey] : []))
    if (without.length > 0) withheld.set(each.name, without)
  }
  return stateToWire(withheld.size === 0 ? plan : { ...plan, version: versionWithout(plan, withheld) }, {
    preshared: (name) => keys.get(name) ?? {},
    withheld: (name) => withheld.get(name) ?? [],
    publicKey: (owner) => heldKey(network, nodeId, owner),
  })
}

const versionWithout = ({ version }: NodePlan, withheld: ReadonlyMap<string, readonly string[]>): string =>
  createHash('sha256')
    .update(JSON.stringify([version, ...withheld]))
    .digest('hex')

type Keys = { readonly pair: string; readonly sealed: ReadonlyMap<string, Buffer>; readonly sealing: Sealing }

function memberKey(
  { intent }: Network,
  { owner }: WireGuardInterface,
  { pair, sealed, sealing }: Keys,
): string | undefined {
  const networkId = owner.kind === 'member' ? intent.member.get(owner.memberId)?.networkId : undefined
  const its = networkId === undefined ? undefined : sealed.get(networkId)
  if (networkId === undefined || !its) return undefined
  const secret = openedIfWeCan(sealing, { sealed: its, context: networkSecretContext(networkId) })
  return secret && pairKey(secret, pair)
}

function networksOf({ intent }: Network, plan: NodePlan): readonly string[] {
  const needing = plan.interfaces.filter(({ preshared, owner }) => preshared.length > 0 && owner.kind === 'member')
  return needing.flatMap(({ owner }) => (owner.kind === 'member' ? (intent.member.get(owner.memberId)?.networkId ?? []) : [])) // prettier-ignore
}
