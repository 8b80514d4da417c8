import type { FirewallRule, OvnDeployment, PortMapping, ReachabilityTest, Selector } from '../../world.ts'
import { memberId, networkId, nodeId, otherId, peerId } from '../frr/testing/worlds.ts'

export const ALL: Selector = { kind: 'all' }
export const tag = (tag: string): Selector => ({ kind: 'tag', tag })
export const cidr = (cidr: string): Selector => ({ kind: 'cidr', cidr })
export const member = (network: number, n: number): Selector => ({ kind: 'member', memberId: memberId(network, n) })
export const peer = (n: number): Selector => ({ kind: 'federation_peer', peerId: peerId(n) })

/** Accepts whatever arrives in network 1 on tcp/443, unless said otherwise. */
export const ruleOf = (n: number, said: Partial<FirewallRule> = {}): FirewallRule => ({
  id: otherId(0x300 + n),
  networkId: networkId(1),
  name: `rule ${n}`,
  priority: 100 * n,
  action: 'accept',
  direction: 'both',
  protocol: 'tcp',
  src: ALL,
  dst: ALL,
  dstPorts: { from: 443, to: 443 },
  ...said,
})

/** What speaks of any protocol has no ports. */
export const anyOf = (n: number, said: Partial<FirewallRule> = {}): FirewallRule =>
  ruleOf(n, { protocol: 'any', dstPorts: undefined, ...said })

export const mappingOf = (n: number, said: Partial<PortMapping> = {}): PortMapping => ({
  id: otherId(0x400 + n),
  memberId: memberId(1, 1),
  listenPort: 8000 + n,
  protocol: 'tcp',
  target: { kind: 'member', id: memberId(1, 3) },
  targetPort: 443,
  rateLimit: undefined,
  maxConnections: undefined,
  sourceCidrs: [],
  ...said,
})

export const testOf = (n: number, said: Partial<ReachabilityTest> = {}): ReachabilityTest => ({
  id: otherId(0x500 + n),
  name: `test ${n}`,
  src: 'm3',
  accept: [],
  deny: [],
  ...said,
})

export const deploymentOf = (n: number, said: Partial<OvnDeployment> = {}): OvnDeployment => ({
  id: otherId(0x600 + n),
  nbEndpoint: 'tcp:192.0.2.200:6641',
  nodeId: nodeId(1),
  switches: [
    {
      id: otherId(0x610 + n),
      name: 'ls-tenant-a',
      cidr: 'fd00:a::/64',
      networkId: networkId(1),
      ports: [{ id: otherId(0x620 + n), name: 'vm-1', kind: 'vm', mac: '02:00:00:00:00:01', addresses: ['fd00:a::1'] }],
      acls: [
        {
          id: otherId(0x630 + n),
          name: 'inside',
          direction: 'to-lport',
          priority: 2000,
          action: 'allow-related',
          match: {
            family: 'ip6',
            src: { cidr: 'fd00:a::/64', not: false },
            dst: undefined,
            protocol: 'any',
            dstPorts: undefined,
            portId: undefined,
          },
        },
      ],
    },
  ],
  ...said,
})
