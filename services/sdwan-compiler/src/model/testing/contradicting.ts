import type { PlatformShape, RuleShape } from './shapes.ts'

const rule = (priority: number, said: Partial<RuleShape>): RuleShape => ({
  action: 'accept',
  direction: 'ingress',
  protocol: 'any',
  priority,
  src: { kind: 'all', pick: 0 },
  dst: { kind: 'all', pick: 0 },
  ports: 'none',
  ...said,
})

/** Rules of which each is an exception from the next: in no other order do they mean the same. */
export const contradicting: PlatformShape = {
  networks: [
    {
      topology: 'hub_and_spoke',
      routing: 'static',
      policy: 'drop',
      isolation: 'shared',
      psk: false,
      hubs: 2,
      spokes: 3,
      members: Array.from({ length: 7 }, (_, at) => ({
        tags: at % 2 === 0 ? ['web'] : ['db'],
        lan: false,
        keyed: true,
      })),
      rules: [
        rule(10, { action: 'drop', protocol: 'icmp6' }),
        rule(20, { src: { kind: 'tag', pick: 0 } }),
        rule(30, { action: 'drop', src: { kind: 'tag', pick: 0 } }),
        rule(40, { protocol: 'tcp' }),
      ],
      virtualIp: 'none',
      mapping: false,
    },
  ],
  bgp: false,
  crossing: false,
  leak: 'none',
  sharedNode: false,
  ovn: false,
}

const [plain] = contradicting.networks
const open = { ...plain, rules: [], policy: 'accept', hubs: 1, spokes: 2 } as PlatformShape['networks'][number]
const withLan = { ...open, members: open.members.map((each) => ({ ...each, lan: true })) }

/** Two networks that accept everything, on one node, in one table. */
export const beside: PlatformShape = { ...contradicting, networks: [withLan, withLan], sharedNode: true }

/** The same with routes that leak into a table of its own; `drop` there where a network lets in nobody. */
export const leaking = (first: 'accept' | 'drop'): PlatformShape => ({
  ...beside,
  networks: [
    { ...withLan, routing: 'ibgp', policy: first },
    { ...withLan, routing: 'ibgp', isolation: 'dedicated_vrf' },
  ],
  bgp: true,
  leak: 'both ways',
})
