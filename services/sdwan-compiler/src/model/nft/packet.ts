import type { Ip } from '../address.ts'
import type { Verdict } from './rule.ts'

/** What a node's firewall sees of a packet. */
export type Packet = {
  readonly src: Ip
  readonly dst: Ip
  readonly protocol: 'tcp' | 'udp' | 'icmpv6' | 'icmp'
  readonly sport: number
  readonly dport: number
  /** Of ICMP, in the words of nft. */
  readonly icmp: string
  readonly state: 'new' | 'established' | 'invalid'
  readonly translated: boolean
  /** Empty where there is none: at a node that sends or receives itself. */
  readonly iif: string
  readonly oif: string
  /** The interface behind a VRF device, where the packet came by one. */
  readonly sdif: string
  /** Whether it is addressed to the node itself. */
  readonly local: boolean
}

/** The last word of one base chain, or of a rule that it was sent to. */
export type Spoken = {
  readonly chain: string
  /** The comment of the rule; undefined for a chain's policy, and for rules that stand there for everybody. */
  readonly rule: string | undefined
  readonly verdict: 'accept' | 'drop' | 'reject' | 'dnat' | 'snat' | 'masquerade'
}

export type Outcome = {
  readonly passes: boolean
  readonly spoken: readonly Spoken[]
  readonly translation: Extract<Verdict, { kind: 'dnat' | 'snat' }> | undefined
}
