import { expect, test } from 'vitest'
import { mustIp } from './address.ts'
import { readTunnel } from './wireguard.ts'

const TEXT = `[Interface]
ListenPort = 51820

[Peer]
PublicKey = one=
AllowedIPs = fe80::1/128, fd00::/64
Endpoint = [2001:db8::1]:51820
PersistentKeepalive = 25

[Peer]
PublicKey = two=
AllowedIPs = fd00::2/128
`

test('an address belongs to the peer with the longest prefix', () => {
  const tunnel = readTunnel(TEXT)
  expect(tunnel.owners.lookup(mustIp('fd00::2'))?.value).toBe('two=')
  expect(tunnel.owners.lookup(mustIp('fd00::3'))?.value).toBe('one=')
  expect(tunnel.peers.get('one=')?.endpoint).toBe('[2001:db8::1]:51820')
  expect(tunnel.stolen).toEqual([])
})

test('a prefix that two peers name belongs to the last, and that is told', () => {
  const tunnel = readTunnel(TEXT.replace('fd00::2/128', 'fd00::/64'))
  expect(tunnel.owners.lookup(mustIp('fd00::3'))?.value).toBe('two=')
  expect(tunnel.stolen).toEqual(['fd00::/64'])
})

test.each(['FwMark = 1', 'PrivateKey = x', 'nonsense', 'AllowedIPs = fd00::1/64', '[Other]'])(
  '%j is an error',
  (line) => {
    expect(() => readTunnel(`${TEXT}${line}\n`)).toThrow()
  },
)
