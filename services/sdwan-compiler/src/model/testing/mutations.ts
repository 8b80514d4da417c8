import type { NodePlan, OvnPlan, Plan, WireGuardInterface } from '../../plan.ts'

/** A compiler that is broken in one way: what it makes of a plan that was right. */
export type Mutation = { readonly name: string; readonly of: (plan: Plan) => Plan }

const onNodes =
  (change: (node: NodePlan) => NodePlan) =>
  (plan: Plan): Plan => ({
    ...plan,
    nodes: new Map([...plan.nodes].map(([id, node]) => [id, change(node)])),
  })

type To = string | ((all: string, first: string) => string)

const onNft = (from: RegExp, to: To): Mutation['of'] =>
  onNodes((node) => ({ ...node, nftables: replaced(node.nftables, from, to) }))

const onFrr = (from: RegExp, to: To): Mutation['of'] =>
  onNodes((node) => ({ ...node, frr: replaced(node.frr, from, to) }))

function replaced(text: string, from: RegExp, to: To): string {
  return typeof to === 'string' ? text.replaceAll(from, to) : text.replaceAll(from, to)
}

const onInterfaces = (change: (its: WireGuardInterface) => WireGuardInterface) =>
  onNodes((node) => ({ ...node, interfaces: node.interfaces.map((each) => change(each)) }))

const onConfig = (from: RegExp, to: string) =>
  onInterfaces((its) => ({ ...its, config: its.config.replaceAll(from, to) }))

const onOvn = (change: (command: readonly string[]) => readonly (readonly string[])[]) =>
  onNodes((node) => ({
    ...node,
    ovn:
      node.ovn &&
      ({ ...node.ovn, commands: node.ovn.commands.flatMap((command) => change(command)) } satisfies OvnPlan),
  }))

const isAcl = (command: readonly string[], column: string): boolean =>
  command[1] === 'create' && command.includes(column)

/** Every second peer of a config, with what the first of them carries added to it. */
function overlapping(config: string): string {
  const widest = /AllowedIPs = (.*::\/64.*)/.exec(config)?.[1]
  return widest === undefined
    ? config
    : config.replaceAll(/AllowedIPs = (fe80[^,\n]*)$/gm, `AllowedIPs = $1, ${widest}`)
}

export const MUTATIONS: readonly Mutation[] = [
  { name: 'nft: the default is never to drop', of: onNft(/^.*counter drop comment "default.*\n/gm, '') },
  {
    name: 'nft: two rules change places',
    of: onNft(/^(\t\t.*comment "0193.*"\n)(\t\t.*comment "0193.*"\n)/gm, '$2$1'),
  },
  { name: 'nft: rules that drop are left out', of: onNft(/^.*counter (drop|reject) comment "0193.*\n/gm, '') },
  { name: 'nft: a tag that is compared is forgotten', of: onNft(/ip6 [sd]addr @net_\w+_tag_\w+ /g, '') },
  { name: 'nft: an address that is compared is forgotten', of: onNft(/ip6 daddr fdaa:\S+ /g, '') },
  {
    name: 'nft: a rule that means nobody means everybody',
    of: onNft(/# (\S+) matches nothing/g, 'counter accept comment "$1"'),
  },
  { name: 'nft: answers are not let through', of: onNft(/^.*ct state established,related.*\n/gm, '') },
  {
    name: 'nft: what passes through a hub is not judged',
    of: onNft(/\tchain forward(_out)? \{\n(\t\t.*\n)*\t\}\n/g, ''),
  },
  { name: 'nft: what arrives is not judged', of: onNft(/\tchain input \{\n(\t\t.*\n)*\t\}\n/g, '') },
  { name: 'nft: chains ask for interfaces of another name', of: onNft(/"wg-/g, '"wg-sdwan-') },
  { name: 'nft: a port is forgotten', of: onNft(/(tcp|udp) dport \S+ counter/g, 'meta l4proto $1 counter') },
  {
    name: 'nft: a range of ports begins one too late',
    of: onNft(/dport (\d+)(?=-)/g, (_all: string, port: string) => `dport ${Number(port) + 1}`),
  },
  { name: 'nft: source and destination are mixed up', of: onNft(/saddr (\S+) ip6 daddr/g, 'daddr $1 ip6 saddr') },
  { name: 'nft: all networks share a chain', of: onNft(/net_\w+?_(in|fwd|out|leave|arrive)\b/g, 'net_$1') },
  { name: 'nft: what leaves is not judged', of: onNft(/^\t\tjump net_\w+_leave\n/gm, '') },
  { name: 'nft: leave to go is leave to arrive', of: onNft(/counter return comment/g, 'counter accept comment') },
  { name: 'nft: IPv4 is written in an IPv6 place', of: onNft(/\bip ([sd]addr)/g, 'ip6 $1') },
  {
    name: 'nft: what crosses is not held to what was agreed',
    of: onNft(/^.*(saddr|daddr) != @.*comment "crossing.*\n/gm, ''),
  },
  {
    name: 'nft: what no rule names may cross',
    of: onNft(/^\t\t(iifname|oifname|meta sdifname) "\S+" counter drop comment "crossing.*\n/gm, ''),
  },
  { name: 'nft: BGP is not let through', of: onNft(/^.*tcp dport 179.*\n/gm, '') },
  { name: 'nft: the table before is not deleted', of: onNft(/^delete table.*\n/gm, '') },
  {
    name: 'nft: networks of a node have its addresses in common',
    of: onNft(/^.*counter drop comment "foreign.*\n/gm, ''),
  },
  {
    name: 'nft: what lies behind a node is every network’s',
    of: onNft(/^.*daddr fdcc:\S+ counter drop comment "foreign.*\n/gm, ''),
  },
  { name: 'nft: what leaks asks one network alone', of: onNft(/\tchain input_both \{\n(\t\t.*\n)*\t\}\n/g, '') },
  { name: 'nft: what leaks comes from strangers', of: onNft(/^(.* ip6 daddr @net_\w+_self) jump .*\n/gm, '$1 drop\n') },
  {
    name: 'nft: a tunnel brings back the node’s own address',
    of: onNft(/^.*saddr @net_\w+_self counter drop .*\n/gm, ''),
  },
  { name: 'nft: a tunnel brings addresses of another network', of: onNft(/^.*saddr fdaa:\S+ counter drop .*\n/gm, '') },
  {
    name: 'nft: members come for what the node has besides',
    of: onNft(/^.*counter drop comment "elsewhere.*\n/gm, ''),
  },
  { name: 'nft: and by IPv4', of: onNft(/^.*meta nfproto ipv4 counter drop comment "elsewhere.*\n/gm, '') },
  {
    name: 'nft: connections of tenants are one',
    of: onNft(/\tchain zones_(in|out) \{\n(\t\t.*\n)*\t\}\n/g, ''),
  },
  { name: 'nft: tenants have one zone', of: onNft(/ct zone set \d+/g, 'ct zone set 1') },
  {
    name: 'nft: what a node sends is followed elsewhere than what it is answered',
    of: onNft(/\tchain zones_out \{\n(\t\t.*\n)*\t\}\n/g, ''),
  },
  {
    name: 'wg: two hubs are given the same prefixes',
    of: onInterfaces((its) => ({ ...its, config: overlapping(its.config) })),
  },
  { name: 'wg: addresses of spokes are left out', of: onConfig(/, fdaa:\S+\/128/g, '') },
  { name: 'wg: nobody knows where anybody is', of: onConfig(/^Endpoint = .*\n/gm, '') },
  { name: 'wg: endpoints have another port', of: onConfig(/^(Endpoint = .*:)\d+$/gm, '$19') },
  { name: 'wg: LANs are left out', of: onConfig(/, fdcc:[^,\n]*/g, '') },
  { name: 'wg: every second peer is left out', of: onConfig(/(\n\[Peer\]\n(?:.+\n)*)\n\[Peer\]\n(?:.+\n)*/g, '$1') },
  {
    name: 'wg: one end has a preshared key and the other none',
    of: onInterfaces((its) => ({ ...its, preshared: its.preshared.slice(1) })),
  },
  { name: 'wg: routes are left out', of: onInterfaces((its) => ({ ...its, routes: its.routes.slice(0, 1) })) },
  { name: 'vrf: interfaces are left in the main table', of: onInterfaces((its) => ({ ...its, vrfName: undefined })) },
  { name: 'frr: nothing is announced', of: onFrr(/^ {2}(network|redistribute) .*\n/gm, '') },
  { name: 'frr: reflectors do not reflect', of: onFrr(/^.*route-reflector-client\n/gm, '') },
  { name: 'frr: what a peer tells is not looked at', of: onFrr(/^ match ipv6 address prefix-list cross-.*\n/gm, '') },
  { name: 'frr: everything is told to a peer', of: onFrr(/^ match ipv6 address prefix-list advertised-.*\n/gm, '') },
  { name: 'frr: a prefix list that is asked is not there', of: onFrr(/^ipv6 prefix-list .*\n/gm, '') },
  { name: 'frr: route-maps stand under another name', of: onFrr(/^route-map (\S+) /gm, 'route-map x-$1 ') },
  { name: 'frr: neighbors of another AS', of: onFrr(/remote-as \d+/g, 'remote-as 65000') },
  {
    name: 'ovn: neighbor discovery is dropped',
    of: onOvn((command) =>
      isAcl(command, 'priority=32001')
        ? [command.map((each) => each.replace('action=allow', 'action=drop'))]
        : [command],
    ),
  },
  {
    name: 'ovn: discovery has no leave of its own',
    of: onOvn((command) => [command.map((each) => each.replace('priority=32001', 'priority=1'))]),
  },
  {
    name: 'ovn: drops are left out',
    of: onOvn((command) => [command.map((each) => each.replace('action=drop', 'action=allow'))]),
  },
  {
    name: 'ovn: ACLs look at the other end',
    of: onOvn((command) => [command.map((each) => each.replace('direction=to-lport', 'direction=from-lport'))]),
  },
  {
    name: 'ovn: ACLs mean all ports',
    of: onOvn((command) => [command.map((each) => each.replace(/outport == \\"[^"]*\\" && /, ''))]),
  },
  {
    name: 'ovn: what is not equal is equal',
    of: onOvn((command) => [command.map((each) => each.replace('!=', '=='))]),
  },
  {
    name: 'ovn: services are forgotten',
    of: onOvn((command) => [command.map((each) => each.replace(/tcp\.dst >= \d+ && tcp\.dst <= \d+/, 'tcp'))]),
  },
]
