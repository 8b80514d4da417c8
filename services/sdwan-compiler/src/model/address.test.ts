import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PrefixTable, covers, holds, ipOf, mustIp, mustNet, netOf } from './address.ts'

test.each([
  ['fd00::1', 'fd000000000000000000000000000001'],
  ['::', '0'.repeat(32)],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['192.0.2.7', 'c0000207'],
])('%s is read bit by bit', (text, hex) => {
  expect(ipOf(text)?.hex).toBe(hex)
})

test.each([
  '',
  'fd00',
  'fd00:::1',
  '1::2::3',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7',
  '256.1.1.1',
  '01.1.1.1',
  'fd00::1%eth0',
  'x',
])('%j is no address', (text) => {
  expect(ipOf(text)).toBeUndefined()
})

test('what Node takes for an address of IPv6 is read, and nothing else', () => {
  const text = fc.oneof(fc.ipV6(), fc.stringMatching(/^[0-9a-f:]{2,20}$/))
  fc.assert(fc.property(text, (each) => each.includes('.') || (ipOf(each) !== undefined) === isIPv6(each)))
})

test('a prefix has no host bits, and its length is written as it is', () => {
  expect([netOf('fd00::1/64'), netOf('fd00::/129'), netOf('fd00::/064'), netOf('10.0.0.0/33')]).toEqual(
    Array(4).fill(undefined),
  )
  expect(netOf('fd00::/61')?.length).toBe(61)
})

test('a prefix holds what begins like it, down to the bit', () => {
  expect(holds(mustNet('fd00::/126'), mustIp('fd00::3'))).toBe(true)
  expect(holds(mustNet('fd00::/126'), mustIp('fd00::4'))).toBe(false)
  expect(holds(mustNet('::/0'), mustIp('10.0.0.1'))).toBe(false)
  expect(covers(mustNet('10.0.0.0/8'), mustNet('10.1.0.0/16'))).toBe(true)
})

test('the longest prefix wins, and a prefix that is put again is replaced', () => {
  const table = new PrefixTable<string>()
  for (const [net, value] of [
    ['::/0', 'all'],
    ['fd00::/64', 'net'],
    ['fd00::7/128', 'host'],
    ['0.0.0.0/0', 'four'],
  ] as const) {
    table.put(mustNet(net), value)
  }
  const at = (text: string): string | undefined => table.lookup(mustIp(text))?.value
  expect([at('fd00::7'), at('fd00::8'), at('fd01::'), at('10.0.0.1')]).toEqual(['host', 'net', 'all', 'four'])
  expect(table.put(mustNet('fd00::/64'), 'other')).toBe('net')
  expect(at('fd00::8')).toBe('other')
})
