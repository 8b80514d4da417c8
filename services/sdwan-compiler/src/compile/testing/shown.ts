import type { NodePlan, Plan, WireGuardInterface } from '../../plan.ts'

/** A plan to be read by people: everything that nodes are sent but frr.conf, whose files are kept beside its compiler. */
export function shown({ nodes, problems }: Plan): string {
  const told = problems.map(({ fatal, code, record, message }) => `${fatal ? 'fatal' : 'told'} ${code} ${record}: ${message}\n`) // prettier-ignore
  return [...told, ...[...nodes.values()].map(nodeShown)].join('')
}

function nodeShown(node: NodePlan): string {
  const { nodeId, interfaces, nftables, frr, vrfs, heldAddresses, ovn, tests } = node
  const lines = [
    ...vrfs.map(({ name, tableId }) => `vrf ${name} table ${tableId}`),
    ...heldAddresses.map(({ cidr, interface: name }) => `holds ${cidr} on ${name}`),
    ...tests.map(({ address, protocol, port, expected }) => `${expected ? 'reaches' : 'does not reach'} ${address} ${protocol}/${port}`), // prettier-ignore
    ...(ovn ? ovn.commands.map((words) => `ovn-nbctl ${words.join(' ')}`) : []),
    frr === '' ? 'no bgp' : `bgp: ${frr.split('\n').filter((line) => line.includes('remote-as')).length} neighbors`,
  ]
  const head = `\n######## node ${nodeId}\n${lines.join('\n')}\n`
  return [head, ...interfaces.map(interfaceShown), nftables === '' ? '' : `---- nftables\n${nftables}`].join('')
}

function interfaceShown(its: WireGuardInterface): string {
  const { name, owner, addresses, mtu, config, preshared, vrfName, routes, standby } = its
  const whose = owner.kind === 'member' ? `member ${owner.memberId}` : `crossing ${owner.peerId}`
  const lines = [
    `---- ${name}: ${whose}, ${addresses.join(', ')}, mtu ${mtu}${vrfName === undefined ? '' : `, in ${vrfName}`}`,
    ...routes.map(({ prefix, metric, source }) => `route ${prefix} metric ${metric} from ${source}`),
    ...preshared.map(({ publicKey, pair }) => `preshared ${publicKey} ${pair}`),
    ...standby.map(({ prefixes, peers }) => `${prefixes.join(', ')} by ${peers.map(({ publicKey, address }) => `${publicKey} (${address})`).join(', then ')}`), // prettier-ignore
  ]
  return `${lines.join('\n')}\n${config}`
}
