import { expect, test } from 'vitest'
import { mustIp } from '../address.ts'
import { Firewall } from './filter.ts'
import type { Packet } from './packet.ts'
import { readScript } from './script.ts'

const SCRIPT = `table inet powernode_sdwan
delete table inet powernode_sdwan
table inet powernode_sdwan {
	set web {
		type ipv6_addr
		elements = { fd00::1, fd00::2 }
	}
	set theirs {
		type ipv6_addr
		flags interval
		auto-merge
		elements = { fdbb::/48 }
	}
	chain arrive {
		# 0190-1 matches nothing
		ip6 saddr fd00::9 ip6 daddr @web tcp dport 22-25 counter accept comment "ssh"
		ip6 saddr @theirs counter reject comment "theirs"
		ip6 daddr @web tcp dport { 80, 443 } counter accept comment "web"
		ip saddr 10.0.0.0/8 counter accept comment "four"
		meta l4proto icmpv6 counter return comment "gone"
		udp dport 53 counter accept comment "dns"
	}
	chain net_in {
		ct state established,related ct mark != 1346847744 counter accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		jump arrive
		counter drop comment "default"
	}
	chain input {
		type filter hook input priority 0; policy accept;
		iifname != { "wg-a", "wg-b", "lo" } ip6 daddr @web ip6 saddr != fd00:7::/64 counter drop comment "outside"
		iifname vmap { "wg-a" : jump net_in, "wg-b" : goto net_in }
	}
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname "wg-a" ip6 daddr fd00::5 tcp dport 8443 counter dnat ip6 to [fd00::1]:443 comment "map"
	}
}
`

const firewall = new Firewall(readScript(SCRIPT))
const plain: Packet = {
  src: mustIp('fd00::9'),
  dst: mustIp('fd00::1'),
  protocol: 'tcp',
  sport: 40_000,
  dport: 443,
  icmp: '',
  state: 'new',
  translated: false,
  iif: 'wg-a',
  oif: '',
  sdif: '',
  local: true,
}

function spoken(said: Partial<Packet>): string {
  const { spoken: all } = firewall.judge('input', { ...plain, ...said })
  return all.map(({ chain, rule = '', verdict }) => `${chain} ${rule} ${verdict}`).join(' ▸ ')
}

test('the first rule that agrees decides', () => {
  expect(spoken({})).toBe('arrive web accept')
  expect(spoken({ dport: 24 })).toBe('arrive ssh accept')
  expect(spoken({ dport: 26 })).toBe('net_in default drop')
  expect(spoken({ src: mustIp('fdbb::7') })).toBe('arrive theirs reject')
  expect(spoken({ dst: mustIp('fd00::3') })).toBe('net_in default drop')
})

test('what comes back from a chain goes on behind the jump', () => {
  expect(spoken({ protocol: 'icmpv6', dport: 0, icmp: 'echo-request' })).toBe('net_in default drop')
  expect(spoken({ protocol: 'icmpv6', dport: 0, icmp: 'nd-neighbor-solicit' })).toBe('net_in  accept')
})

test('a port belongs to its protocol, and a comparison with the other family never agrees', () => {
  expect(spoken({ protocol: 'udp' })).toBe('net_in default drop')
  expect(spoken({ protocol: 'udp', dport: 53 })).toBe('arrive dns accept')
  expect(spoken({ src: mustIp('10.1.2.3'), dst: mustIp('10.9.9.9') })).toBe('arrive four accept')
})

test('answers pass before any rule, other interfaces are none of our business', () => {
  expect(spoken({ state: 'established', dport: 40_000 })).toBe('net_in  accept')
  expect(spoken({ iif: 'eth0', dst: mustIp('fd00::77'), dport: 26 })).toBe('input  accept')
})

test('an address inside is reached through our interfaces, and from behind the node', () => {
  expect(spoken({ iif: 'eth0' })).toBe('input outside drop')
  expect(spoken({ iif: 'eth0', src: mustIp('fd00:7::1') })).toBe('input  accept')
})

test('a new packet is translated where it arrives, an answer is not', () => {
  const asked = { ...plain, dst: mustIp('fd00::5'), dport: 8443 }
  expect(firewall.judge('prerouting', asked).translation).toEqual({ kind: 'dnat', address: 'fd00::1', port: 443 })
  expect(firewall.judge('prerouting', { ...asked, state: 'established' }).translation).toBeUndefined()
})

test.each([
  ['a rule with a word that it does not know', 'chain x { meta mark 1 accept; }'],
  ['a jump to nowhere', 'chain x { jump y; }'],
  ['a set that is not there', 'chain x { ip6 saddr @y accept; }'],
  ['a rule that goes on behind its verdict', 'chain x { accept counter; }'],
  ['something that is neither set nor chain', 'map x { }'],
])('%s is an error', (_what, block) => {
  expect(() => new Firewall(readScript(SCRIPT.replace(/\}\n$/, `${block}\n}\n`)))).toThrow('nft:')
})

test('a script that leaves the table of before standing is an error', () => {
  expect(() => readScript(SCRIPT.replace('delete table inet powernode_sdwan\n', ''))).toThrow('does not replace')
})
