import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { NodeStateSchema, type NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { NodePlan, OvnPlan, WireGuardInterface } from './plan.ts'

/** What goes with a plan for its node alone: keys by public key, for each interface; and the public half that we hold of its own. */
export type Secrets = {
  readonly preshared: (interfaceName: string) => Readonly<Record<string, string>>
  /** Peers whose preshared key cannot be made. */
  readonly withheld?: (interfaceName: string) => readonly string[]
  readonly publicKey: (owner: WireGuardInterface['owner']) => string | undefined
}

const NONE: Secrets = { preshared: () => ({}), publicKey: () => undefined }

/** A compiled node as its agent, and operators, are sent it. */
export function stateToWire(plan: NodePlan, { preshared, withheld, publicKey }: Secrets = NONE): NodeState {
  return create(NodeStateSchema, {
    nodeInstanceId: plan.nodeId,
    version: plan.version,
    interfaces: plan.interfaces.map((each) => ({
      name: each.name,
      memberId: each.owner.kind === 'member' ? each.owner.memberId : '',
      federationPeerId: each.owner.kind === 'crossing' ? each.owner.peerId : '',
      addresses: [...each.addresses],
      mtu: each.mtu,
      listenPort: each.listenPort,
      config: each.config,
      vrfName: each.vrfName ?? '',
      routes: each.routes.map(({ prefix, metric, source }) => ({ prefix, metric, source })),
      preshared: preshared(each.name),
      withheld: [...(withheld?.(each.name) ?? [])],
      publicKey: publicKey(each.owner) ?? '',
      standby: each.standby.map(({ prefixes, peers }) => ({
        prefixes: [...prefixes],
        peers: peers.map((peer) => ({ publicKey: peer.publicKey, address: peer.address })),
      })),
    })),
    nftables: plan.nftables,
    frr: plan.frr,
    vrfs: plan.vrfs.map(({ name, tableId }) => ({ name, tableId })),
    heldAddresses: plan.heldAddresses.map((held) => ({ cidr: held.cidr, virtualIpId: held.virtualIpId, interface: held.interface })), // prettier-ignore
    ...(plan.ovn && { ovn: ovnToWire(plan.ovn) }),
    ovnEndings: plan.ovnEndings.map(ovnToWire),
    tests: plan.tests.map(({ testId, address, protocol, port, expected }) => ({
      testId,
      address,
      protocol,
      port,
      expected,
    })),
  })
}

const ovnToWire = ({ deploymentId, nbEndpoint, commands, desired: { switches, ports, acls } }: OvnPlan) => ({
  deploymentId,
  nbDbEndpoint: nbEndpoint,
  commands: commands.map((args) => ({ args: [...args] })),
  desired: { switches: [...switches], ports: [...ports], acls: [...acls] },
})

/** A node that is in no network any more: it has nothing to carry, and takes down what it had. */
export const emptyPlan = (nodeId: string): NodePlan => ({
  nodeId,
  version: createHash('sha256').update(`nothing for ${nodeId}`).digest('hex'),
  interfaces: [],
  nftables: '',
  frr: '',
  vrfs: [],
  heldAddresses: [],
  ovn: undefined,
  ovnEndings: [],
  tests: [],
})
