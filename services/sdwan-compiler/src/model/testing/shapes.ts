import fc from 'fast-check'
import type { FirewallRule, Network, Selector } from '../../world.ts'

export type Shape = {
  readonly topology: Network['topology']
  readonly routing: Network['routingProtocol']
  readonly policy: Network['defaultPolicy']
  readonly isolation: Network['isolation']
  readonly psk: boolean
  readonly hubs: number
  readonly spokes: number
  readonly members: readonly { readonly tags: readonly string[]; readonly lan: boolean; readonly keyed: boolean }[]
  readonly rules: readonly RuleShape[]
  readonly virtualIp: 'none' | 'single' | 'anycast'
  readonly mapping: boolean
}

export type SelectorShape = { readonly kind: Selector['kind']; readonly pick: number }
export type RuleShape = Pick<FirewallRule, 'action' | 'direction' | 'protocol'> & {
  readonly priority: number
  readonly src: SelectorShape
  readonly dst: SelectorShape
  readonly ports: 'none' | 'one' | 'range'
}

export const TAGS = ['web', 'db', 'ops', 'lonely'] as const
export const PORTS = [22, 80, 443, 8080] as const

export type PlatformShape = {
  readonly networks: readonly Shape[]
  readonly bgp: boolean
  readonly crossing: boolean
  readonly leak: 'none' | 'one way' | 'both ways'
  readonly sharedNode: boolean
  readonly ovn: boolean
}

/** Small platforms with everything in them that can go wrong between members, each from numbers that fast-check can shrink. */
export const platforms: fc.Arbitrary<PlatformShape> = fc.record({
  networks: fc.array(networkShape(), { minLength: 1, maxLength: 2 }),
  bgp: fc.boolean(),
  crossing: fc.boolean(),
  leak: fc.constantFrom('none', 'one way', 'both ways'),
  sharedNode: fc.boolean(),
  ovn: fc.boolean(),
})

function networkShape(): fc.Arbitrary<Shape> {
  const kind = fc.constantFrom<Selector['kind'][]>('all', 'member', 'tag', 'tag', 'cidr', 'federation_peer')
  const selector = fc.record({ kind, pick: fc.nat(11) })
  const rule: fc.Arbitrary<RuleShape> = fc.record({
    action: fc.constantFrom('accept', 'accept', 'drop', 'reject'),
    direction: fc.constantFrom('ingress', 'egress', 'both'),
    protocol: fc.constantFrom('any', 'tcp', 'tcp', 'udp', 'icmp6'),
    priority: fc.constantFrom(10, 20, 20, 30, 40),
    src: selector,
    dst: selector,
    ports: fc.constantFrom('none', 'one', 'range'),
  })
  const member = fc.record({
    tags: fc.subarray(TAGS.slice(0, 3)),
    lan: fc.boolean(),
    keyed: fc.nat(9).map((number) => number > 0),
  })
  return fc.record({
    topology: fc.constantFrom('hub_and_spoke', 'hub_and_spoke', 'full_mesh'),
    routing: fc.constantFrom('static', 'ibgp'),
    policy: fc.constantFrom('drop', 'accept'),
    isolation: fc.constantFrom('shared', 'shared', 'dedicated_vrf'),
    psk: fc.boolean(),
    hubs: fc.integer({ min: 0, max: 3 }),
    spokes: fc.integer({ min: 1, max: 4 }),
    members: fc.array(member, { minLength: 7, maxLength: 7 }),
    rules: fc.array(rule, { maxLength: 6 }),
    virtualIp: fc.constantFrom('none', 'single', 'anycast'),
    mapping: fc.boolean(),
  })
}
