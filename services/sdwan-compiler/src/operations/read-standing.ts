import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { RemoteOverlaySchema, type RemoteOverlay } from '@powernode/proto/powernode/sdwan/v1/crossing_pb.ts'
import type { RecordOf } from '../intent/records.ts'
import type { Standing } from '../intent/to-wire.ts'
import { memberStatus } from '../member-status.ts'
import type { Network } from '../network.ts'
import * as assignments from '../store/virtual-ip-assignments.ts'
import * as crossings from '../store/crossings.ts'
import * as nodes from '../store/nodes.ts'
import * as overlays from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'

/** How records stand: what agents said of members and of what their nodes carry, and what peers said of their ends. */
export async function readStanding(
  tx: SdwanTx,
  now: Date,
  { network }: { readonly network: Network },
): Promise<Required<Standing>> {
  // prettier-ignore
  const seen = await nodes.lastSeen(tx)
  const applied = new Map((await nodes.list(tx)).map((node) => [node.nodeId, node.appliedVersion]))
  const turns = await assignments.counts(tx)
  const remote = await remoteEnds(tx, network)
  const carries = (memberId: string): boolean => {
    const nodeId = network.intent.member.get(memberId)?.nodeId ?? ''
    const version = network.plan.nodes.get(nodeId)?.version
    return version !== undefined && applied.get(nodeId) === version
  }
  return {
    memberStatus: (id) => ({ status: memberStatus(seen.get(id), now), lastHandshakeAt: seen.get(id) }),
    virtualIpState: (record) => stateOf(record, carries, turns.get(record.id) ?? 0),
    remote: (peerId) => remote.get(peerId),
  }
}

/** A virtual IP is where its holder's node has taken the state that gives it. */
function stateOf(record: RecordOf<'virtual_ip'>, carries: (memberId: string) => boolean, turns: number): string {
  const [head] = record.holders
  if (head === undefined) return 'unassigned'
  if (record.anycast ? record.holders.every(carries) : carries(head)) return 'active'
  return turns > (record.anycast ? record.holders.length : 1) ? 'failing_over' : 'pending'
}

async function remoteEnds(tx: SdwanTx, { intent }: Network): Promise<ReadonlyMap<string, RemoteOverlay>> {
  const peerIds = [...intent.prefix_access.values()].map(({ peerId }) => peerId)
  if (peerIds.length === 0) return new Map()
  const refused = new Map((await crossings.list(tx)).map((road) => [road.peerId, road.refused]))
  const heard = await overlays.heardOf(tx, peerIds)
  return new Map(
    [...heard].map(([peerId, end]) => [
      peerId,
      create(RemoteOverlaySchema, {
        gateways: end.gateways.map(({ endpoint = '', ...gateway }) => ({ ...gateway, endpoint })),
        advertised: [...end.advertise],
        heardAt: timestampFromDate(end.heardAt),
        refused: [...(refused.get(peerId) ?? [])],
      }),
    ]),
  )
}
