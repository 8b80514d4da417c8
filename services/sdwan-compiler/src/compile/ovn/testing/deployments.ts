import type { OvnAcl, OvnDeployment, OvnMatch, OvnPort, OvnSwitch } from '../../../world.ts'

/** A UUIDv7 of an early morning, ending in so many. */
export const idOf = (kind: number, number: number): string =>
  `0192f0aa-${kind.toString(16).padStart(4, '0')}-7000-8000-${number.toString(16).padStart(12, '0')}`

export const anything: OvnMatch = {
  family: 'any',
  src: undefined,
  dst: undefined,
  protocol: 'any',
  dstPorts: undefined,
  portId: undefined,
}

export const aclOf = (number: number, said: Partial<OvnAcl>): OvnAcl => ({
  id: idOf(4, number),
  name: `acl-${number}`,
  direction: 'to-lport',
  priority: 1_000 + number,
  action: 'allow-related',
  match: anything,
  ...said,
})

export const portOf = (number: number, said: Partial<OvnPort>): OvnPort => ({
  id: idOf(3, number),
  name: `vm${number}`,
  kind: 'vm',
  mac: `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`,
  addresses: [],
  ...said,
})

export const switchOf = (number: number, said: Partial<OvnSwitch>): OvnSwitch => ({
  id: idOf(2, number),
  name: `ls-${number}`,
  cidr: undefined,
  networkId: undefined,
  ports: [],
  acls: [],
  ...said,
})

export const deploymentOf = (said: Partial<OvnDeployment>): OvnDeployment => ({
  id: idOf(1, 1),
  nbEndpoint: 'tcp:192.0.2.1:6641',
  nodeId: idOf(5, 1),
  switches: [],
  ...said,
})

const within = (cidr: string): Partial<OvnAcl>[] => [
  { name: 'in', priority: 2_000, match: { ...anything, src: { cidr, not: false } } },
  { name: 'in-others', action: 'drop', match: { ...anything, src: { cidr, not: true } } },
  { name: 'in-rest', action: 'drop', priority: 900 },
  { name: 'out', direction: 'from-lport', priority: 2_000, match: { ...anything, dst: { cidr, not: false } } },
  { name: 'out-others', direction: 'from-lport', action: 'drop', match: { ...anything, dst: { cidr, not: true } } },
]

/** Two tenants with services of the same names, each shut in its own prefix, both ways. */
export const tenants = deploymentOf({
  switches: ['fd10:0:0:b::/64', 'fd10:0:0:a::/64'].map((cidr, index) => {
    const tenant = index === 0 ? 'b' : 'a'
    return switchOf(index, {
      name: `ls-tenant-${tenant}`,
      cidr,
      ports: [2, 1].map((n) =>
        portOf(index * 10 + n, { name: `${tenant}-vm${n}`, addresses: [`${cidr.replace('/64', '')}${n}`] }),
      ),
      acls: within(cidr).map((said, n) => aclOf(index * 10 + n, said)),
    })
  }),
})

/** One of everything that an ACL can ask for. */
export const services = deploymentOf({
  nbEndpoint: 'unix:/var/run/ovn/ovnnb_db.sock',
  switches: [
    switchOf(1, {
      name: 'web',
      cidr: '10.1.0.0/24',
      ports: [
        portOf(1, { addresses: ['10.1.0.1', 'fd00:a::1'] }),
        portOf(2, { addresses: ['10.1.0.2', 'fd00:a::2'], kind: 'container' }),
        portOf(3, { addresses: [] }),
        portOf(9, { name: 'uplink', kind: 'external', addresses: ['10.1.0.9'] }),
      ],
      acls: [
        aclOf(1, { match: { ...anything, portId: idOf(3, 2), protocol: 'tcp', dstPorts: { from: 443, to: 443 } } }),
        aclOf(2, {
          match: {
            ...anything,
            family: 'ip4',
            src: { cidr: '10.1.0.0/30', not: false },
            protocol: 'udp',
            dstPorts: { from: 5_000, to: 5_010 },
          },
        }),
        aclOf(3, { match: { ...anything, family: 'ip6', protocol: 'icmp' } }),
        aclOf(4, { match: { ...anything, dst: { cidr: '10.1.0.2/32', not: false }, protocol: 'icmp' } }),
        aclOf(5, {
          action: 'allow',
          match: { ...anything, family: 'ip6', src: { cidr: 'fd00:a::/64', not: false }, protocol: 'tcp' },
        }),
        aclOf(6, { action: 'reject', priority: 10, match: { ...anything, family: 'ip4' } }),
        aclOf(7, { action: 'drop', priority: 0 }),
        aclOf(8, {
          direction: 'from-lport',
          action: 'drop',
          match: { ...anything, portId: idOf(3, 1), dst: { cidr: '10.1.0.3/32', not: false } },
        }),
      ],
    }),
  ],
})

/** Nothing but switches: no ACL, so nothing has to be let through either. */
export const open = deploymentOf({
  nbEndpoint: 'ssl:[2001:db8::1]:6641',
  switches: [switchOf(1, { name: 'lab', ports: [portOf(1, {}), portOf(2, {})] })],
})

export const empty = deploymentOf({})
