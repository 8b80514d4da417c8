import type { CallOptions } from '@connectrpc/connect'
import type { NetworkBridge } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
import type { AttachTo, StepOutcome } from '../acceptance-run.ts'
import type { AcceptanceNeighbours } from './neighbours.ts'

type Neighbours = Pick<AcceptanceNeighbours, 'grants' | 'network'>

/**
 * The peer is let onto an overlay network: a bridge is found or made, and activated. Doing it twice changes nothing.
 *
 * The network is that of a living bridge, else the one that was named when this was asked for (metadata `sdwan_network_id`); the
 * node that it is met at was named with it (`node_instance_id`), and is a member of that network. Without them there is nothing to
 * attach: that is skipped, with the reason of the source documents, and is no error.
 */
// oxlint-disable-next-line max-params -- whom is asked, about whom, and how
export async function attachNetwork(
  { grants, network }: Neighbours,
  { peerId, attachTo }: { readonly peerId: string; readonly attachTo: AttachTo },
  options: CallOptions,
): Promise<StepOutcome> {
  const { bridges } = await grants.listBridges({ peerId, pageSize: 1_000 }, options)
  const living = bridges.find(({ state }) => state === 'active') ?? bridges.find(({ state }) => state === 'proposed')
  const named = living?.sdwanNetworkId ?? attachTo.networkId
  const networkId = named && (await networkCalled(network, named, options))
  if (!networkId)
    return skipped(
      'no_overlay_network',
      named
        ? `there is no network ${named}`
        : 'neither a bridge nor sdwan_network_id in the metadata, when this was asked for, names a network',
    )
  const instanceId = attachTo.nodeInstanceId
  if (!instanceId && !living)
    return skipped('no_bound_instance', 'the metadata named no node_instance_id when this was asked for')
  const member = instanceId && (await memberOf(network, { networkId, instanceId }, options))
  if (instanceId && !member) return skipped('no_bound_instance', `no member of the network runs on ${instanceId}`)
  const bridge = living ?? (await propose(grants, { peerId, sdwanNetworkId: networkId }, options))
  const active =
    bridge.state === 'active'
      ? bridge
      : (await grants.moveBridge({ bridgeId: bridge.id, move: 'activate' }, options)).bridge
  const status = living?.state === 'active' ? 'reused' : 'attached'
  return {
    status: 'done',
    detail: `${status}: bridge ${bridge.id} to network ${networkId}`,
    brought: {
      sdwanAttach: {
        status,
        sdwan_network_id: networkId,
        sdwan_peer_id: member ?? '',
        node_instance_id: instanceId ?? '',
        bridge_id: bridge.id,
        bridge_state: active?.state ?? 'active',
      },
    },
  }
}

async function propose(
  grants: Neighbours['grants'],
  said: { peerId: string; sdwanNetworkId: string },
  options: CallOptions,
): Promise<NetworkBridge> {
  const { bridge } = await grants.proposeBridge(said, options)
  if (!bridge) throw new Error('grant-authz answered without a bridge')
  return bridge
}

async function networkCalled(
  network: Neighbours['network'],
  id: string,
  options: CallOptions,
): Promise<string | undefined> {
  try {
    const { item } = await network.getIntent({ kind: 'network', id }, options)
    return item?.kind.case === 'network' ? item.kind.value.id : undefined
  } catch (error) {
    if (refusalOf(error)?.reason === 'INTENT_NOT_FOUND') return undefined
    throw error
  }
}

/** The id of the member that runs on the node. */
async function memberOf(
  network: Neighbours['network'],
  { networkId, instanceId }: { networkId: string; instanceId: string },
  options: CallOptions,
): Promise<string | undefined> {
  for (let pageToken = ''; ;) {
    const asked = { kind: 'member', network: networkId, pageSize: 1_000, pageToken }
    const { items, nextPageToken } = await network.listIntent(asked, options)
    for (const { kind } of items)
      if (kind.case === 'member' && kind.value.nodeInstanceId === instanceId) return kind.value.id
    if (nextPageToken === '') return undefined
    pageToken = nextPageToken
  }
}

const skipped = (reason: string, detail: string): StepOutcome => ({
  status: 'skipped',
  detail: `${reason}: ${detail}`,
  brought: { sdwanAttach: { status: 'skipped', reason } },
})
