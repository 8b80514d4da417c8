import { isIPv6 } from 'node:net'
import { expect, test } from 'vitest'
import { bare, base32, crossingInterfaceName, interfaceName, linkLocalAddress, vrfName } from './names.ts'

/** UUIDv7s of one millisecond: everything but the last eight digits is the same. */
const idsOfOneMoment = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `019a0000-0000-7000-8000-0000${index.toString(16).padStart(8, '0')}`)

test('ten thousand members made in the same millisecond have names of their own, which the kernel takes', () => {
  const ids = idsOfOneMoment(10_000)
  const names = ids.flatMap((id) => [interfaceName(id), crossingInterfaceName(id, ids[0] ?? ''), vrfName(id, id)])
  expect(new Set(names).size).toBe(30_000)
  expect(names.filter((name) => !/^(wg|fx|vr)-[a-z2-7]{12}$/.test(name) || name.length > 15)).toEqual([])
})

test('a gateway towards two peers has an interface for each, and two gateways towards one peer too', () => {
  const [one = '', other = ''] = idsOfOneMoment(2)
  const names = [[one, one], [one, other], [other, one], [other, other]] as const // prettier-ignore
  expect(new Set(names.map(([peer, gateway]) => crossingInterfaceName(peer, gateway))).size).toBe(4)
})

test('names stay what they are: nodes carry interfaces by them', () => {
  expect(interfaceName('019a0000-0000-7000-8000-000000000001')).toMatchInlineSnapshot(`"wg-w6eivhlsqmso"`)
  expect(linkLocalAddress('019a0000-0000-7000-8000-000000000001')).toMatchInlineSnapshot(`"fe80::b789:8a9d:7283:24e3"`)
  expect(bare('019a0000-0000-7000-8000-000000000001')).toBe('019a0000000070008000000000000001')
  // RFC 4648 §10 over the SHA-256 of the empty text, as base32 of coreutils says it.
  expect(base32('', 20)).toBe('4oymiquy7qobjgx36tej')
})

test('every member can be asked for signs of life at a link-local address of its own', () => {
  const addresses = idsOfOneMoment(10_000).map(linkLocalAddress)
  expect(new Set(addresses).size).toBe(10_000)
  expect(addresses.every((address) => isIPv6(address) && /^fe80::[1-9a-f]/.test(address))).toBe(true)
})
